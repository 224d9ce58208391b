"""The one builder of specs."""

from __future__ import annotations

import ipaddress
from itertools import product

import pytest

from drp.actions import build
from drp.actions.placement import Occupancy, choose_host, choose_links, find_occupancy, free_memory
from drp.errors import RefusedError
from drp.model.names import LINK_ROLES, Instance
from drp.testing.company import FakeCompany

COMPANY = FakeCompany()
HOST = COMPANY.inventory.host("h3")
ACME = COMPANY.inventory.tenants["acme"]
INSTANCE = Instance.of_epoch("acme", 7)
LINKS = build.instance_subnets(HOST, 2)
FIRST = min(COMPANY.inventory.tenants)


def test_instance_name_parses_back() -> None:
    assert Instance.parse("acme-e0007") == INSTANCE
    assert Instance.parse("my-shop-e12345") == Instance("my-shop", "e12345")
    assert Instance.parse("acme-drill-20310304a").epoch is None
    with pytest.raises(ValueError, match="not the name"):
        Instance.parse("acme")


def test_bridges_have_fixed_short_names_of_ours() -> None:
    names = {INSTANCE.bridge(role) for role in LINK_ROLES}
    assert len(names) == 3
    assert all(len(name) <= 15 and name.startswith("drp") for name in names)
    assert names == {Instance.of_epoch("acme", 7).bridge(role) for role in LINK_ROLES}


def test_links_are_closed_to_the_outside_and_to_the_host() -> None:
    for role, cidr in LINKS.items():
        spec = build.link_network(INSTANCE, role, cidr)
        assert spec.internal
        assert not spec.host_address


def test_only_the_edge_publishes_ports_and_only_on_its_address() -> None:
    for spec in build.service_specs(ACME, INSTANCE, LINKS):
        assert spec.ports == ()
    edge = build.edge_container(HOST, "sha256:0")
    assert {(p.address, p.port) for p in edge.ports} == {(HOST.edge, 80), (HOST.edge, 443)}
    assert edge.sysctls["net.ipv4.ip_forward"] == "0"


def test_services_stand_on_their_own_links_only() -> None:
    api, mongodb, redis = (
        next(s for s in build.service_specs(ACME, INSTANCE, LINKS) if s.name.endswith(role))
        for role in ("api", "mongodb", "redis")
    )
    assert [a.network for a in mongodb.attachments] == ["acme-e0007-data"]
    assert [a.network for a in redis.attachments] == ["acme-e0007-cache"]
    assert len(api.attachments) == 3


def test_addresses_of_a_link_are_all_different_and_inside() -> None:
    members = ("edge", "api", "mongodb", "redis", "helper")
    found = {build.link_address(LINKS["data"], member) for member in members}
    assert len(found) == len(members)
    assert all(ipaddress.ip_address(a) in ipaddress.ip_network(LINKS["data"]) for a in found)


def test_no_spec_holds_a_secret_or_an_environment_of_ours() -> None:
    for spec in build.service_specs(ACME, INSTANCE, LINKS):
        assert spec.environment == {}
        assert "root of acme" not in repr(spec)


def test_choose_links_skips_what_is_used() -> None:
    used = build.link_block(HOST, 3)
    taken = Occupancy(host=HOST, instances={}, subnets=frozenset({used}))
    found = choose_links(taken, COMPANY.inventory, FIRST)
    assert used not in found.values()
    assert list(found.values()) == [build.link_block(HOST, n) for n in (2, 4, 5)]


def test_plans_made_at_the_same_time_choose_different_links() -> None:
    free = Occupancy(host=HOST, instances={}, subnets=frozenset())
    chosen = [
        cidr
        for tenant in COMPANY.inventory.tenants
        for last in (False, True)
        for cidr in choose_links(free, COMPANY.inventory, tenant, last=last).values()
    ]
    assert len(set(chosen)) == len(chosen) == 2 * 3 * len(COMPANY.inventory.tenants)


def test_choose_links_finds_the_last_free_ones_wherever_they_are() -> None:
    blocks = [build.link_block(HOST, n) for n in range(build.count_blocks(HOST))]
    for left in (blocks[2:5], blocks[-3:]):
        taken = Occupancy(host=HOST, instances={}, subnets=frozenset(blocks) - {*left})
        for tenant, last in product(COMPANY.inventory.tenants, (False, True)):
            found = choose_links(taken, COMPANY.inventory, tenant, last=last)
            assert sorted(found.values()) == sorted(left)


@pytest.mark.failure_mode("C5")
def test_choose_links_refuses_when_the_pool_is_used_up() -> None:
    with pytest.raises(RefusedError, match="its subnets are used up"):
        choose_links(
            Occupancy(host=HOST, instances={}, subnets=frozenset({HOST.subnets})), COMPANY.inventory, FIRST
        )


def test_choose_host_keeps_off_a_dedicated_host() -> None:
    taken = Occupancy(host=HOST, instances={"initech-e0001": "initech"}, subnets=frozenset())
    free = find_occupancy(COMPANY.inventory.host("h4"), COMPANY.host("h4"))
    assert choose_host(ACME, COMPANY.inventory, [taken, free]).host.name == "h4"
    with pytest.raises(RefusedError, match="dedicated to initech"):
        choose_host(ACME, COMPANY.inventory, [taken])


def test_choose_host_gives_a_dedicated_tenant_no_neighbour() -> None:
    shared = Occupancy(host=HOST, instances={"acme-e0001": "acme"}, subnets=frozenset())
    with pytest.raises(RefusedError, match="not its own, acme stands there"):
        choose_host(COMPANY.inventory.tenants["initech"], COMPANY.inventory, [shared])


def test_choose_host_leaves_empty_hosts_to_tenants_that_want_their_own() -> None:
    shared = Occupancy(host=HOST, instances={"globex-e0001": "globex"}, subnets=frozenset())
    empty = find_occupancy(COMPANY.inventory.host("h4"), COMPANY.host("h4"))
    assert choose_host(ACME, COMPANY.inventory, [empty, shared]) == shared
    assert choose_host(COMPANY.inventory.tenants["initech"], COMPANY.inventory, [shared, empty]) == empty


def test_a_tenants_epochs_have_its_memory_once_and_a_drill_its_own() -> None:
    inventory = COMPANY.inventory
    memory = inventory.tenants["acme"].memory
    standing = {"acme-e0001": "acme", "acme-e0003": "acme", "acme-drill-20310304t0211a": "acme"}
    found = Occupancy(host=HOST, instances=standing, subnets=frozenset())
    assert free_memory(inventory, found) == HOST.memory - 2 * memory
    assert free_memory(inventory, found, without="acme") == HOST.memory - memory


def test_links_that_were_kept_are_taken_as_long_as_they_are_free() -> None:
    kept = [build.link_block(HOST, index) for index in (20, 21, 22)]
    free = Occupancy(host=HOST, instances={}, subnets=frozenset())
    assert [*choose_links(free, COMPANY.inventory, FIRST, kept).values()] == kept
    taken = Occupancy(host=HOST, instances={}, subnets=frozenset({kept[1]}))
    assert choose_links(taken, COMPANY.inventory, FIRST, kept) == choose_links(free, COMPANY.inventory, FIRST)
