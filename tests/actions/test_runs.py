"""Deploy, migrate and retire in memory: what the world is like afterwards."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.errors import RefusedError, RejectedError
from drp.model.plan import Plan
from drp.ports.edges import Route
from drp.testing.company import FakeCompany, image_id
from drp.testing.databases import State
from tests.actions.runs import compile_order, deploy, find_instance, run_plan


@cache
def _deployed() -> FakeCompany:
    company = FakeCompany()
    deploy(company)
    return company


@pytest.fixture
def company() -> FakeCompany:
    return copy.deepcopy(_deployed())


def migrate(company: FakeCompany, site: str = "dc5", number: int = 2) -> str:
    result = run_plan(company, compile_order(company, "migrate", site=site, number=number))
    assert result.outcome == "done", result.failure
    return result.outcome


def test_deploy_serves_through_every_edge(company: FakeCompany) -> None:
    host, instance = find_instance(company)
    assert host in ("h1", "h2")
    assert str(instance) == "acme-e0001"
    routes = {name: edge.find_route("acme.example.test") for name, edge in company.edges.items()}
    local = routes[host]
    assert local is not None
    assert local.kind == "local"
    assert all(r is not None and r.kind == "edge" for name, r in routes.items() if name != host)
    found = company.zone.find("acme.example.test", "CNAME")
    assert found is not None
    assert found.values == ("dc3.example.test",)


def test_deploy_gives_each_site_an_alias_of_its_edges(company: FakeCompany) -> None:
    for site in company.inventory.sites.values():
        found = company.zone.find(site.alias, "A")
        assert found is not None
        assert set(found.values) == {host.edge for host in site.hosts}


def test_a_deploy_taken_back_leaves_the_certificates_of_others(company: FakeCompany) -> None:
    before = {name: dict(host.world.tmpfs) for name, host in company.hosts.items()}
    company.probes.fail_next("handshake", RejectedError("cannot greet: broken"), times=100)
    result = run_plan(company, compile_order(company, "deploy", tenant="globex", site="dc3", number=3))
    assert result.outcome == "rolled-back", result.failure
    after = {name: dict(host.world.tmpfs) for name, host in company.hosts.items()}
    assert after == before


def test_deploy_again_is_refused(company: FakeCompany) -> None:
    with pytest.raises(RefusedError, match="it is served by dc3 since"):
        gather_facts(company, Order(verb="deploy", run="deploy-2", tenant="acme", site="dc3"))


def test_migrate_moves_content_and_route(company: FakeCompany) -> None:
    before, source = find_instance(company)
    content = company.databases.load(company.hosts[before], source)
    migrate(company)
    host, target = find_instance(company)
    assert host in ("h3", "h4")
    moved = company.databases.load(company.hosts[host], target)
    assert (moved["collections"], moved["users"]) == (content["collections"], content["users"])
    assert moved["accounts"] != content["accounts"]
    found = company.zone.find("acme.example.test", "CNAME")
    assert found is not None
    assert (found.values, found.ttl) == (("dc5.example.test",), 300)


def test_migrate_lets_old_edges_forward_and_holds_nobody(company: FakeCompany) -> None:
    migrate(company)
    host, _ = find_instance(company)
    address = company.inventory.host(host).edge
    for name, edge in company.edges.items():
        assert edge.is_held("acme.example.test") is False
        if name != host:
            assert edge.find_route("acme.example.test") == Route("edge", f"{address}:443")


def test_migrate_leaves_the_source_stopped_and_cut_off(company: FakeCompany) -> None:
    host, source = find_instance(company)
    migrate(company)
    api = company.hosts[host].find_container(source.container("api"))
    assert api is not None
    assert api.status == "exited"
    assert set(api.networks) == {source.network("edge")}


def test_migrate_plan_has_a_step_for_each_change(company: FakeCompany) -> None:
    plan = compile_order(company, "migrate", site="dc5")
    assert 40 <= len(plan.steps) <= 100
    finals = [step.id for step in plan.steps if step.final]
    assert len(finals) == len(company.edges)


def test_migrate_to_where_it_is_served_is_refused(company: FakeCompany) -> None:
    with pytest.raises(RefusedError, match="dc3 serves it already"):
        compile_order(company, "migrate", site="dc3")


@pytest.mark.failure_mode("C7")
def test_migrate_there_and_back_never_reuses_a_volume(company: FakeCompany) -> None:
    migrate(company)
    migrate(company, "dc3", 3)
    _, instance = find_instance(company)
    assert str(instance) == "acme-e0003"


def _alter(state: State) -> None:
    state["collections"]["app.orders"]["documents"][1] = "altered"


def _drop_index(state: State) -> None:
    state["collections"]["app.orders"]["indexes"].remove("when_1")


def _remove_account(state: State) -> None:
    del state["users"]["reporting"]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_alter, "documents 'app.orders'"),
        (_drop_index, "index 'app.orders.when_1'"),
        (_remove_account, "user 'admin.reporting'"),
    ],
)
def test_migrate_with_damage_at_the_target_is_taken_back(
    company: FakeCompany, damage: Callable[[State], None], named: str
) -> None:
    before = company.dump()
    company.databases.damage_restored = damage
    result = run_plan(company, compile_order(company, "migrate", site="dc5", number=2))
    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert named in result.failure.cause.message
    after = company.dump()
    assert without_burnt(after) == without_burnt(before)


def without_burnt(dump: object) -> object:
    """The world but for claimed numbers and the images that were carried: both stay by design."""
    assert isinstance(dump, dict)
    hosts = {name: {k: v for k, v in host.items() if k != "images"} for name, host in dump["hosts"].items()}
    epochs = [key for key in dump["epochs"] if key.endswith("serving.json")]
    edges = {
        name: {k: v for k, v in edge.items() if k != "certificates"} for name, edge in dump["edges"].items()
    }
    return {**dump, "hosts": hosts, "epochs": epochs, "edges": edges}


def test_writes_held_longer_than_the_freeze_are_given_back(company: FakeCompany) -> None:
    acme = replace(company.inventory.tenants["acme"], freeze=timedelta(seconds=20))
    tenants = {**company.inventory.tenants, "acme": acme}
    company.inventory = replace(company.inventory, tenants=tenants)
    before = company.dump()
    for host in company.hosts.values():
        host.durations[image_id("helper")] = timedelta(seconds=25)
    result = run_plan(company, compile_order(company, "migrate", site="dc5", number=2))
    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert result.failure.step == "quiet"
    assert without_burnt(company.dump()) == without_burnt(before)


def test_a_restore_that_outlasts_the_freeze_is_taken_back(company: FakeCompany) -> None:
    before = company.dump()

    def linger(state: State) -> None:
        company.clock.advance(timedelta(minutes=3))

    company.databases.damage_restored = linger
    result = run_plan(company, compile_order(company, "migrate", site="dc5", number=2))
    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert "its writes are held for 180 s, it allows 120 s" in result.failure.cause.message
    assert without_burnt(company.dump()) == without_burnt(before)


def plan_retire(company: FakeCompany, number: int = 3) -> Plan:
    return compile_order(company, "retire", site="dc3", number=number)


def test_retire_removes_everything_of_the_old_stack(company: FakeCompany) -> None:
    host, source = find_instance(company)
    migrate(company)
    company.clock.advance(timedelta(seconds=2 * company.inventory.dns.ttl))
    result = run_plan(company, plan_retire(company))
    assert result.outcome == "done", result.failure
    left = str(company.hosts[host].dump())
    assert str(source) not in left


def come_late(company: FakeCompany) -> None:
    """A client with an old answer comes through an edge of the old site."""
    company.probes.get("192.0.2.20", "acme.example.test", "/", timedelta(seconds=5))


def restart_edge(company: FakeCompany) -> None:
    company.edges["h1"].started = company.clock.now()


def lag(company: FakeCompany) -> None:
    zone = company.zone
    found = zone.find("acme.example.test", "CNAME")
    assert found is not None
    zone.immediate = False
    zone.replace(found, replace(found, values=("dc3.example.test",)))
    zone.replicate("198.51.100.53")
    zone.replace(replace(found, values=("dc3.example.test",)), found)


def unroute(company: FakeCompany) -> None:
    company.edges["h3"].set_route("acme.example.test", Route("closed"))


def stop_api(company: FakeCompany) -> None:
    host, instance = find_instance(company)
    company.hosts[host].stop_container(instance.container("api"), timedelta(seconds=5))


NOT_DRAINED = {
    "a late client": (
        come_late,
        "the edge of h2 has known of no request for 'acme.example.test' for 1m30s only, 10m00s are asked for",
        "2031-03-04 03:31:00 CET",
    ),
    "an edge without memory": (
        restart_edge,
        "the edge of h1 has known of no request for 'acme.example.test' for 1m30s only, 10m00s are asked for",
        "2031-03-04 03:31:00 CET",
    ),
    "a server that lags": (
        lag,
        "name server 198.51.100.53 still answers dc3.example.test for 'acme.example.test', "
        "not dc5.example.test",
        "drp check dns",
    ),
    "no route": (unroute, "the edge of h3, which shall serve it, routes to closed", "drp status acme"),
    "no API": (stop_api, "the new stack at dc5 answers 503", "drp status acme"),
}


@pytest.mark.parametrize("name", NOT_DRAINED)
def test_retire_is_refused_while_the_old_stack_may_be_needed(company: FakeCompany, name: str) -> None:
    """When it is planned; and when it is run, if it has come to it since."""
    happen, cause, hint = NOT_DRAINED[name]
    migrate(company)
    company.clock.advance(timedelta(seconds=2 * company.inventory.dns.ttl))
    plan = plan_retire(company)
    happen(company)
    company.clock.advance(timedelta(seconds=90))
    with pytest.raises(RefusedError) as caught:
        plan_retire(company, 4)
    assert caught.value.message == f"cannot retire 'acme': {cause}"
    assert hint in caught.value.hint
    before = company.dump()
    result = run_plan(company, plan)
    assert result.outcome == "stopped"
    assert result.failure is not None
    assert result.failure.cause.message == caught.value.message
    assert company.dump() == before


def test_secrets_stand_nowhere_but_in_the_host_tmpfs(company: FakeCompany) -> None:
    plan = compile_order(company, "migrate", site="dc5")
    text = str(plan.to_json())
    for secret in company.secrets.values():
        assert secret.reveal().decode("latin-1") not in text
