"""What ``drp check`` finds, in a company where one thing is not well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from threading import Event

import pytest

from drp.commands.check.areas import AREAS, check
from drp.commands.check.looks import Look, Trouble, look_all
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.errors import DeniedError, RefusedError, UnreachableError
from drp.model.names import SERVICE_ROLES
from drp.model.specs import NetworkSpec
from drp.ports.dns import RecordSet
from drp.testing.certificates import Authority
from drp.testing.company import FakeCompany, image_id
from tests.actions.runs import run_plan
from tests.actions.test_failover import compile_fleet
from tests.commands.bench import Bench, deployed, never_alive

GIB = 2**30


@cache
def _saved() -> FakeCompany:
    made = deployed()
    assert run_plan(made, compile_fleet(made, "backup", "acme")).outcome == "done"
    return made


@pytest.fixture
def company() -> FakeCompany:
    """acme is served by dc3, has a backup, and every host has every image."""
    made = copy.deepcopy(_saved())
    for host in made.hosts.values():
        for name in ("helper", "edge", *SERVICE_ROLES):
            host.add_image(image_id(name), name.encode())
    return made


def look(company: FakeCompany, *areas: str) -> Listing:
    return check(company, areas, is_alive=never_alive)


def told(company: FakeCompany, *areas: str) -> list[str]:
    """``area name verdict message`` of all that is not well."""
    findings = look(company, *areas).data["findings"]
    assert isinstance(findings, list)
    return [
        f"{f['area']} {f['name']} {f['verdict']} {f['message']}"
        for f in findings
        if isinstance(f, dict) and not f["well"]
    ]


def test_a_company_in_which_all_is_well(company: FakeCompany) -> None:
    before = copy.deepcopy(company).dump()
    objects = {name: dict(store.content) for name, store in company.stores.items()}
    listing = look(company)
    assert told(company) == []
    assert listing.ending is DONE
    assert listing.summary.startswith("✓ 0 problems, ")
    # canaries are gone
    assert company.dump() == before
    assert {name: store.content for name, store in company.stores.items()} == objects


def slow_clock(company: FakeCompany) -> None:
    company.hosts["h4"].ahead = timedelta(seconds=-1.4)


def wrong_clock(company: FakeCompany) -> None:
    company.hosts["h4"].ahead = timedelta(seconds=3)


def clocks_apart(company: FakeCompany) -> None:
    company.hosts["h1"].ahead = timedelta(seconds=-0.9)
    company.hosts["h4"].ahead = timedelta(seconds=0.9)


def full_disk(company: FakeCompany) -> None:
    for name in ("h3", "h4"):
        company.hosts[name].ground["free_bytes"] = 12 * GIB


def tight_disk(company: FakeCompany) -> None:
    for name in ("h3", "h4"):
        company.hosts[name].ground["free_bytes"] = 110 * GIB


def route_over_subnets(company: FakeCompany) -> None:
    company.hosts["h2"].ground["routes"] = [{"network": "10.102.0.0/17", "interface": "tun0"}]


def network_over_subnets(company: FakeCompany) -> None:
    spec = NetworkSpec(
        name="stray", bridge="stray", subnet="10.102.1.0/24", internal=True, host_address=False
    )
    company.hosts["h2"].create_network(spec)


def no_blocks(company: FakeCompany) -> None:
    ends = ("8.0/21", "4.0/22", "2.0/23", "1.0/24", "0.128/25", "0.64/26", "0.32/27")
    for name, first in (("h3", "10.103"), ("h4", "10.104")):
        for number, end in enumerate(ends):
            spec = NetworkSpec(
                name=f"n{number}",
                bridge=f"b{number}",
                subnet=f"{first}.{end}",
                internal=True,
                host_address=False,
            )
            company.hosts[name].create_network(replace(spec, labels={"drp.role": "edge"}))


def pool_over_subnets(company: FakeCompany) -> None:
    company.hosts["h2"].pools = ("10.0.0.0/8",)


def image_missing(company: FakeCompany) -> None:
    del company.hosts["h3"].world.images[image_id("redis")]


def lenient_store(company: FakeCompany) -> None:
    company.stores["witness"].lenient = True


def no_delete(company: FakeCompany) -> None:
    company.stores["backups"].denied = frozenset({"delete"})


def store_down(company: FakeCompany) -> None:
    company.stores["keys"].down = True


def certificate_ends(company: FakeCompany) -> None:
    leaf = company.edges["h1"].certificates["acme.example.test"][0]
    company.clock.advance(leaf.not_valid_after_utc - company.clock.now() - timedelta(days=9))


def stranger(company: FakeCompany) -> None:
    other = Authority("stranger", begin=company.authority.begin)
    company.edges["h3"].set_certificate("acme.example.test", other.issue("acme.example.test"))


def dns_down(company: FakeCompany) -> None:
    company.zone.down.add("198.51.100.53")


def dns_denied(company: FakeCompany) -> None:
    company.zone.denied = True


def dns_behind(company: FakeCompany) -> None:
    company.zone.immediate = False


def name_moved(company: FakeCompany) -> None:
    found = company.zone.find("acme.example.test", "CNAME")
    assert found is not None
    new = RecordSet(name=found.name, type="CNAME", ttl=300, values=("dc5.example.test",))
    company.zone.replace(found, new)


def long_ttl(company: FakeCompany) -> None:
    found = company.zone.find("acme.example.test", "CNAME")
    assert found is not None
    company.zone.replace(found, RecordSet(name=found.name, type="CNAME", ttl=3600, values=found.values))


def engine_denies(company: FakeCompany) -> None:
    denied = DeniedError("cannot create volume 'it' on host 'h2': authorization denied")
    company.hosts["h2"].fail_next("create_volume", denied)


PLANTED: dict[str, tuple[Callable[[FakeCompany], None], str, str]] = {
    "a clock a little off": (
        slow_clock,
        "clocks",
        "clocks h4 warning cannot trust the clock of 'h4': it is 1.4 s behind of this machine's",
    ),
    "a wrong clock": (
        wrong_clock, "clocks", "clocks h4 finding cannot trust the clock of 'h4': it is 3.0 s ahead of",
    ),
    "clocks apart": (
        clocks_apart,
        "clocks",
        "clocks apart warning cannot trust the clocks of 'h1' and 'h4': they are 1.8 s apart",
    ),
    "a full disk": (
        full_disk, "space", "space dc5 finding cannot hold 'initech' at 'dc5': restored it needs 10.7 GB, "
        "2.1 GB on h3, 2.1 GB on h4 would be free",
    ),
    "a tight disk": (
        tight_disk, "space", "space dc5 warning cannot keep a tenth of the disk of 'h3' free: ",
    ),
    "a route": (
        route_over_subnets, "subnets", "subnets h2 finding cannot use subnets '10.102.0.0/20' of 'h2': "
        "the route to tun0 is 10.102.0.0/17",
    ),
    "a network": (
        network_over_subnets, "subnets", "subnets h2 finding cannot use subnets '10.102.0.0/20' of 'h2': "
        "network 'stray' is 10.102.1.0/24",
    ),
    "no blocks": (
        no_blocks, "subnets", "subnets dc5 finding cannot place 3 tenants at 'dc5': each takes 3 link "
        "subnets, free are 0 on h3, 0 on h4",
    ),
    "a pool": (
        pool_over_subnets, "pools", "pools h2 warning cannot keep subnets '10.102.0.0/20' of 'h2' for "
        "tenants: its engine gives networks out of 10.0.0.0/8",
    ),
    "an image": (
        image_missing, "images", "images h3 finding cannot start all of 'dc5' on 'h3': it has no image of "
        "acme/redis (+2)",
    ),
    "a store that overwrites": (
        lenient_store, "stores", "stores witness finding cannot use store 'witness': it overwrites an object",
    ),
    "a store without delete": (
        no_delete, "stores", "stores backups warning cannot remove 'drp-canary/",
    ),
    "a store that is down": (
        store_down, "stores", "stores keys finding cannot list object 'drp-canary/': no answer",
    ),
    "a certificate that ends": (
        certificate_ends, "handshakes", "handshakes acme@h1 warning cannot rely on the certificate of "
        "'acme.example.test': the one at 192.0.2.10 ends in 9 days",
    ),
    "a certificate of a stranger": (
        stranger, "handshakes", "handshakes acme@h3 finding cannot greet 'acme.example.test': ",
    ),
    "a name server that is down": (
        dns_down, "dns", "dns 198.51.100.53 finding cannot ask name server '198.51.100.53': no answer",
    ),
    "a key without rights": (
        dns_denied, "dns", "dns updates finding cannot change '_drp.example.test': ",
    ),
    "a secondary that lags": (
        dns_behind, "dns", "dns updates finding cannot rely on name server '198.51.100.53': it does ",
    ),
    "a name that leads elsewhere": (
        name_moved, "dns", "dns acme.example.test finding cannot follow 'acme.example.test': it is dc5.",
    ),
    "a long TTL": (
        long_ttl, "dns", "dns acme.example.test warning cannot move 'acme.example.test' quickly: its TTL is",
    ),
    "an engine that denies": (engine_denies, "engines", "engines h2 finding cannot create volume 'it'"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_one_planted_problem_is_named(company: FakeCompany, name: str) -> None:
    plant, area, expected = PLANTED[name]
    plant(company)
    found = told(company, area)
    assert found, expected
    assert found[0].startswith(expected), found
    assert {line.split()[2] for line in found} == {expected.split()[2]}, found


@pytest.mark.failure_mode("C4")
def test_a_dead_host_is_one_cause_and_hides_nothing_else(company: FakeCompany) -> None:
    company.hosts["h4"].reachable = False
    image_missing(company)
    listing = look(company)
    assert listing.lines[0] == (
        "✗ engines, clocks, space, subnets, pools, images  cannot reach host 'h4': no route to host"
    )
    assert any("has no image of acme/redis" in line for line in listing.lines)
    assert listing.summary.startswith("✗ 2 problems, ")
    assert listing.ending is FINDINGS


def test_an_image_that_is_missing_before_the_first_deploy_warns_only() -> None:
    fresh = FakeCompany()
    assert look(fresh, "images").ending is DONE
    assert told(fresh, "images")[0] == (
        "images h2 warning cannot start all of 'dc3' on 'h2': it has no image of helper, edge"
    )


def test_a_run_that_fell_silent_is_named(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    (found,) = told(bench.company, "runs")
    assert found == (
        "runs acme warning cannot begin another run of 'acme': 'migrate-310304-7f3a' of ops@here has not "
        "ended and nobody works on it"
    )


@pytest.mark.failure_mode("L10")
def test_a_tenant_that_only_the_witness_knows(company: FakeCompany) -> None:
    company.stores["witness"].put_once("epochs/hooli/000001/claim.json", b"{}")
    (found,) = told(company, "epochs")
    assert found.startswith("epochs tenants warning cannot look after 'hooli': ")


def test_canaries_of_a_killed_check_are_taken_away(company: FakeCompany) -> None:
    old = "20310301T000000Z-0a1b2c3d"
    company.stores["keys"].put_once(f"drp-canary/{old}", b"canary")
    company.zone.replace(None, RecordSet(name="_drp.example.test", type="TXT", ttl=30, values=(f'"{old}"',)))
    assert told(company, "stores", "dns") == []
    assert company.stores["keys"].list("drp-canary/") == []
    assert company.zone.find("_drp.example.test", "TXT") is None


def test_the_record_of_another_check_is_left_alone(company: FakeCompany) -> None:
    record = RecordSet(name="_drp.example.test", type="TXT", ttl=30, values=('"somebody else"',))
    company.zone.replace(None, record)
    (found,) = told(company, "dns")
    assert found.startswith("dns updates warning cannot try updates of 'example.test': another check")
    assert company.zone.find("_drp.example.test", "TXT") == record


def test_an_area_there_is_not_is_refused(company: FakeCompany) -> None:
    with pytest.raises(RefusedError, match="cannot check 'dsn': there is no such area") as caught:
        look(company, "dsn")
    assert caught.value.hint == f"Areas: {', '.join(AREAS)}."


def test_a_look_that_hangs_is_given_up_and_named() -> None:
    never = Event()

    def hang() -> None:
        never.wait(30)

    def fail() -> None:
        raise UnreachableError("cannot reach it", page="C4")

    looks = [
        Look(area="engines", name="h1", do=hang, deadline_s=0.05),
        Look(area="engines", name="h2", do=fail),
        Look(area="engines", name="h3", do=lambda: None),
    ]
    first, second, third = look_all(looks, at_once=1)
    never.set()
    assert first.trouble is not None
    assert first.trouble.message == "cannot look at 'h1': no end within 0.05 s"
    assert second.trouble == Trouble(message="cannot reach it", code="C4")
    assert third.trouble is None


def test_a_bug_in_a_look_is_no_finding() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look_all([Look(area="engines", name="h1", do=fail)])


def test_isolation_is_proven_when_it_is_asked_for(company: FakeCompany) -> None:
    assert told(company, "isolation") == []
    serving = next(name for name, host in company.hosts.items() if "acme-e0001-api" in host.world.containers)
    company.reach.no_firewall.add(serving)
    assert told(company) == []
    assert [line.split()[:3] for line in told(company, "isolation")] == [["isolation", "acme", "finding"]]
