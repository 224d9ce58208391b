"""The isolation proof on fakes: what is expected, what a breach turns red, and what a run makes of it."""

from __future__ import annotations

import copy
from functools import cache

import pytest

from drp.actions.isolation import check_matrix, prove_standing
from drp.actions.isolation_expected import find_rule
from drp.errors import UnreachableError, VerificationError
from drp.model.reach import Cell, Found, Matrix
from drp.model.specs import ContainerSpec, PublishedPort
from drp.model.values import JsonMap
from drp.ports.helpers import Job
from drp.testing.company import FakeCompany, image_id
from drp.testing.hosts import FakeHost
from drp.testing.reach import STORE_ADDRESS
from tests.actions.runs import compile_order, deploy, find_instance, run_plan
from tests.actions.test_runs import without_burnt


@cache
def _deployed() -> FakeCompany:
    company = FakeCompany()
    deploy(company)
    deploy(company, "globex")
    return company


@pytest.fixture
def company() -> FakeCompany:
    return copy.deepcopy(_deployed())


def prove_acme(company: FakeCompany) -> Matrix:
    host, instance = find_instance(company)
    return prove_standing(company, host, instance)


def find_cell(matrix: Matrix, source: str, target: str) -> Cell:
    found = [cell for cell in matrix.cells if cell.source == source and cell.target == target]
    return next(cell for cell in found if not cell.place.startswith("udp"))


def test_a_deployed_tenant_is_as_promised(company: FakeCompany) -> None:
    before = company.dump()
    matrix = check_matrix(prove_acme(company))
    assert company.dump() == before
    assert find_cell(matrix, "acme-e0001-api", "own mongodb").found == "open"
    assert find_cell(matrix, "drp-edge", "own api").found == "open"
    assert find_cell(matrix, "helper", "object store").place == f"tcp {STORE_ADDRESS}:443"
    assert find_cell(matrix, "acme-e0001-redis", "object store").expected == "closed"
    assert find_cell(matrix, "globex-e0001-redis", "own mongodb").found == "closed"
    assert find_cell(matrix, "acme-e0001-mongodb", "globex-e0001-redis").found == "closed"


def test_the_matrix_is_told_whole_and_short(company: FakeCompany) -> None:
    matrix = prove_acme(company)
    told = matrix.to_json()
    rows, targets = told["found"], told["targets"]
    assert isinstance(rows, dict)
    assert isinstance(targets, list)
    letters = "".join(map(str, rows.values()))
    assert len(letters.replace("-", "")) == told["cells"] == len(matrix.cells)
    assert {len(str(row)) for row in rows.values()} == {len(targets)}
    assert told["red"] == []
    assert letters == letters.lower()


def test_a_neighbour_on_a_link_is_named_twice(company: FakeCompany) -> None:
    host, instance = find_instance(company)
    company.hosts[host].connect(instance.network("data"), "globex-e0001-redis", address=None, aliases=())
    red = prove_acme(company).red()
    assert {(cell.source, cell.target) for cell in red} == {
        ("globex-e0001-redis", "own mongodb"),
        ("globex-e0001-redis", "acme-e0001-data"),
    }


def test_a_dead_network_does_not_pass(company: FakeCompany) -> None:
    host, instance = find_instance(company)
    company.hosts[host].disconnect(instance.network("cache"), instance.container("redis"))
    with pytest.raises(VerificationError, match=r"own redis .*: closed, shall be open"):
        check_matrix(prove_acme(company))


def test_a_stray_port_is_named(company: FakeCompany) -> None:
    host, _ = find_instance(company)
    fake = company.hosts[host]
    spec = stray(company.inventory.host(host).edge, port=8443)
    fake.create_container(spec)
    fake.start_container(spec.name)
    red = prove_acme(company).red()
    assert [(cell.source, cell.found) for cell in red] == [("stray", "open")]
    assert ":8443" in red[0].place


def stray(address: str, *, port: int) -> ContainerSpec:
    return ContainerSpec(
        name="stray",
        image=image_id("api"),
        uid=1,
        gid=1,
        memory=2**26,
        cpus=1.0,
        pids=10,
        ports=(PublishedPort(address=address, port=port, container_port=port),),
    )


def test_what_cannot_be_looked_at_is_not_well(company: FakeCompany) -> None:
    host, _ = find_instance(company)
    company.hosts[host].fail_next("networks", UnreachableError("cannot reach host: cut"))
    with pytest.raises(UnreachableError):
        prove_acme(company)


def test_a_neighbour_that_cannot_be_asked_is_unknown_and_red(company: FakeCompany) -> None:
    def answer(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        if "from-other1" in spec.name:
            raise UnreachableError("cannot run the probe: cut")
        return company.reach.reach(host, spec, job)

    company.helpers.handlers["reach"] = answer
    red = prove_acme(company).red()
    assert {cell.found for cell in red} == {"unknown"}
    assert {cell.source.rpartition("-")[0] for cell in red} == {"globex-e0001"}


@pytest.mark.parametrize(
    ("place", "expected", "good"),
    [
        ("tcp 10.0.0.1:1", "open", {"open"}),
        ("udp 10.0.0.1:1", "open", {"open", "refused"}),
        ("tcp 10.0.0.1:1", "closed", {"closed"}),
        ("udp 10.0.0.1:1", "closed", {"closed"}),
    ],
)
def test_only_silence_is_closed(place: str, expected: str, good: set[Found]) -> None:
    values: tuple[Found, ...] = ("open", "refused", "closed", "unknown")
    assert expected in ("open", "closed")
    cells = {
        found: Cell(
            source="a",
            target="b",
            place=place,
            expected="open" if expected == "open" else "closed",
            reason="r",
            found=found,
        )
        for found in values
    }
    assert {found for found, cell in cells.items() if not cell.is_red} == good


def test_only_few_ways_are_open() -> None:
    for kind in ("mongodb", "redis", "neighbour"):
        rules = [find_rule(kind, group) for group in ("mongodb", "redis", "api", "edge", "store", "host")]
        assert all(rule is None or rule.expected == "closed" for rule in rules), kind


@pytest.mark.failure_mode("C17")
def test_a_run_that_finds_a_breach_is_taken_back(company: FakeCompany) -> None:
    plan = compile_order(company, "migrate", site="dc5", number=2)
    before = company.dump()
    company.reach.no_firewall |= {"h3", "h4"}
    result = run_plan(company, plan)
    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert "drp-edge → " in str(result.failure)
    host, _ = find_instance(company)
    assert host in ("h1", "h2")
    assert without_burnt(company.dump()) == without_burnt(before)


def test_the_helpers_way_out_ends_at_the_stores(company: FakeCompany) -> None:
    host, _ = find_instance(company)
    company.reach.no_firewall.add(host)
    red = {cell.source for cell in prove_acme(company).red()}
    assert red == {"helper", "drp-edge", "drp-guard"}


def test_helpers_have_the_way_of_the_guard_and_no_other_to_an_edge(company: FakeCompany) -> None:
    matrix = prove_acme(company)
    own, peer = (company.inventory.host(name).edge for name in ("h2", "h3"))
    asked = {cell.place for cell in matrix.cells if cell.source == "helper"}
    assert f"tcp {peer}:80" not in asked
    assert {f"tcp {peer}:443", f"tcp {own}:80"} <= asked
