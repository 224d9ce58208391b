"""The runbook of a drill on the company in memory: restored in a bubble, proven, and gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drp.actions.drilling import drill_facts
from drp.actions.isolation_expected import find_rule
from drp.actions.orders import Order
from drp.engine.events import RunResult
from drp.errors import RefusedError
from drp.model.names import Instance
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job
from drp.testing.company import FakeCompany
from drp.testing.hosts import FakeHost
from drp.witness.epochs import EpochReader
from drp.witness.proofs import Proof, ProofReader
from tests.actions.runs import find_instance, run_plan
from tests.actions.test_failover import compile_fleet
from tests.faults.stories import begin_reserved, copy_company


@pytest.fixture
def company() -> FakeCompany:
    """acme and globex are served by dc3 and have a backup; dc5 has their images."""
    return copy_company(begin_reserved())


def drill(company: FakeCompany, *, site: str = "") -> RunResult:
    return run_plan(company, compile_fleet(company, "drill", "acme", "globex", site=site))


def find_proof(company: FakeCompany, tenant: str) -> Proof:
    found = ProofReader(company.stores["witness"]).find_newest(tenant)
    assert found is not None
    return found


def list_drills(company: FakeCompany) -> list[str]:
    """Names of everything in the world that is a drill's."""
    return [
        name
        for host in company.hosts.values()
        for kind in (host.world.containers, host.world.networks, host.world.volumes, host.world.tmpfs)
        for name in kind
        if "-drill-" in name
    ]


def shrink_other_host(company: FakeCompany) -> str:
    """At dc3 only the host that serves acme has room; its name."""
    host, _ = find_instance(company)
    site = company.inventory.sites["dc3"]
    hosts = tuple(each if each.name == host else replace(each, memory=2**20) for each in site.hosts)
    sites = {**company.inventory.sites, "dc3": replace(site, hosts=hosts)}
    company.inventory = replace(company.inventory, sites=sites)
    return host


@pytest.mark.parametrize("site", ["dc5", "dc3"])
def test_a_drill_proves_a_restore_and_leaves_the_world_as_it_was(company: FakeCompany, site: str) -> None:
    """Also on the very host that serves the tenant: names, links and addresses are apart."""
    wanted = shrink_other_host(company) if site == "dc3" else "h3"
    before = company.dump()
    result = drill(company, site=site)
    assert result.outcome == "done", result.failure
    assert company.dump() == before
    assert list_drills(company) == []
    assert find_proof(company, "acme").host == wanted
    proof = find_proof(company, "acme")
    assert (proof.ok, proof.site, proof.documents) == (True, site, 3)
    assert proof.figures == {
        "documents": 3, "collections": 1, "redis_keys": 0, "keys_expired": 0, "logins": 2, "requests": 1,
    }  # fmt: skip
    assert EpochReader(company.stores["witness"]).next_epoch("acme") == 2


def test_what_runs_in_a_bubble_has_nothing_of_production(company: FakeCompany) -> None:
    """Its own passwords and its own key for tokens, no member but its own services when the API runs."""
    seen: list[tuple[JsonMap, set[str], dict[str, bytes | None]]] = []
    http = company.databases.http

    def look(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance = Instance.parse(spec.name.partition("-helper-")[0])
        members = {
            member
            for network in host.networks()
            if network.name.startswith(f"{instance}-")
            for member in network.members
        }
        files = {
            name: host.read_file(instance.container("api"), f"/run/secrets/{name}")
            for name in ("token.key", "mongodb.uri", "redis.uri")
        }
        seen.append((job.params, members, files))
        return http(host, spec, job)

    company.helpers.handlers["http"] = look
    host, serving = find_instance(company)
    theirs = {
        name: company.hosts[host].read_file(serving.container("api"), f"/run/secrets/{name}")
        for name in ("token.key", "mongodb.uri", "redis.uri")
    }
    assert drill(company).outcome == "done"
    assert len(seen) == 2
    for _, members, files in seen:
        services = {name for name in members if "-helper-" not in name}
        assert {name.rpartition("-")[2] for name in services} == {"api", "mongodb", "redis"}
        assert all("-drill-" in name for name in members)
        assert all(files.values())
    ours = next(files for params, members, files in seen if any(m.startswith("acme") for m in members))
    assert [name for name in ours if ours[name] == theirs[name]] == []


def damage_pack(company: FakeCompany) -> None:
    """A bit of acme's newest backup is another one."""
    store = company.stores["backups"]
    key = next(key for key in store.list("drp1/acme/") if key.endswith("/content"))
    content = bytearray(store.get(key))
    content[len(content) // 2] ^= 1
    store.delete(key)
    store.put_once(key, bytes(content))


def change_key(company: FakeCompany) -> None:
    """The key of acme's backups is not the one they were sealed for."""
    company.secrets = type(company.secrets)(company.secrets)
    company.secrets["acme.backup"] = company.secrets["globex.backup"]


def change_restored(company: FakeCompany, change: Callable[[list[str]], None]) -> None:
    """Of what a restore brings to acme, and only to it."""
    restore = company.databases.restore

    def damaged(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        result = restore(host, spec, job)
        instance = Instance.parse(spec.name.partition("-helper-")[0])
        if instance.tenant == "acme":
            state = company.databases.load(host, instance)
            change(state["collections"]["app.orders"]["documents"])
            company.databases.save(host, instance, state)
        return result

    company.helpers.handlers["restore"] = damaged


def alter_restored(company: FakeCompany) -> None:
    """As many documents as the manifest says, and one of them is another one."""
    change_restored(company, lambda documents: documents.__setitem__(0, "altered"))


def lose_documents(company: FakeCompany) -> None:
    change_restored(company, lambda documents: documents.clear())


@pytest.mark.failure_mode("D1", "I7", "J6")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_pack, "its content is not what the manifest says"),
        (change_key, "key"),
        (alter_restored, "3 documents, but other ones: digest"),
        (lose_documents, "3 documents in the backup, 0 read"),
    ],
)
def test_what_cannot_be_restored_fails_with_its_reason_and_alone(
    company: FakeCompany, damage: Callable[[FakeCompany], None], reason: str
) -> None:
    damage(company)
    before = company.dump()
    result = drill(company)
    assert result.outcome == "partial"
    assert result.scopes == {"acme": "failed", "globex": "done"}
    proof = find_proof(company, "acme")
    assert not proof.ok
    assert reason in proof.reason
    assert find_proof(company, "globex").ok
    assert company.dump() == before
    assert list_drills(company) == []


@pytest.mark.failure_mode("I7")
def test_a_bubble_that_can_reach_hosts_is_not_filled(company: FakeCompany) -> None:
    company.reach.no_firewall.add("h3")
    before = company.dump()
    assert drill(company, site="dc5").scopes == dict.fromkeys(("acme", "globex"), "failed")
    proof = find_proof(company, "acme")
    assert proof.reason.startswith("cannot prove the isolation of 'acme-drill-")
    assert proof.documents == 0
    assert company.dump() == before


@pytest.mark.failure_mode("I7")
def test_an_api_is_not_started_beside_a_helper_that_stayed(company: FakeCompany) -> None:
    check = company.databases.check_login

    def stay(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance = Instance.parse(spec.name.partition("-helper-")[0])
        left = replace(spec, name=instance.helper("left"), attachments=())
        if instance.tenant == "acme" and host.find_container(left.name) is None:
            host.create_container(left)
        return check(host, spec, job)

    company.helpers.handlers["check-login"] = stay
    before = company.dump()
    result = drill(company)
    assert result.scopes == {"acme": "failed", "globex": "done"}
    assert "-helper-left is still on its links" in find_proof(company, "acme").reason
    assert result.states["start-api/acme"] == "pending"
    assert company.dump() == before


def test_what_a_drill_may_reach_is_less_than_others_may() -> None:
    served, drilled = find_rule("edge", "api"), find_rule("edge", "api", is_drill=True)
    assert served is not None
    assert drilled is not None
    assert (served.expected, drilled.expected) == ("open", "closed")
    mail = [find_rule(kind, "mail", is_drill=True) for kind in ("api", "mongodb", "redis", "helper")]
    assert [rule.expected for rule in mail if rule is not None] == ["closed"] * 4


def test_a_drill_takes_no_room_that_a_failover_needs(company: FakeCompany) -> None:
    """h3 and h4 have room for two stacks each, and one of the three tenants is moved there."""
    small = 4 * 2**30
    sites = {
        name: replace(site, hosts=tuple(replace(host, memory=small) for host in site.hosts))
        for name, site in company.inventory.sites.items()
    }
    tenants = {
        name: replace(each, dedicated=False, memory=2 * 2**30)
        for name, each in company.inventory.tenants.items()
    }
    company.inventory = replace(company.inventory, sites=sites, tenants=tenants)
    order = Order(verb="drill", run="drill-1", tenant="", site="dc5", tenants=("acme", "globex"))
    facts = drill_facts(company, order)
    assert facts["left_out"] == {}
    tight = {name: replace(each, memory=4 * 2**30) for name, each in tenants.items()}
    company.inventory = replace(company.inventory, tenants=tight)
    with pytest.raises(RefusedError, match=r"it would take room that a failover of '(acme|globex)' needs"):
        drill_facts(company, order)


def test_no_name_is_too_long_for_a_host(company: FakeCompany) -> None:
    instance = Instance.of_drill("a" * 40, company.clock.now(), "7f3a")
    assert Instance.parse(str(instance)) == instance
    assert instance.is_drill
    began = instance.began
    assert began is not None
    assert began == company.clock.now().replace(second=0, microsecond=0)
    assert not Instance.of_epoch("acme", 7).is_drill
