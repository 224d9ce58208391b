"""The laboratory is what the tests of drp believe it to be."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import boto3
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import dns.zone
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.lab import plan
from tests.lab.host import HostMachine
from tests.lab.lab import Lab
from tests.lab.machine import Machine
from tests.lab.nameservers import Tsig
from tests.lab.reach import can_connect, find_open, find_routes
from tests.lab.store import Credentials


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One of its own: a host is powered off here, and what ran there does not start by itself."""
    with Lab.up() as running:
        yield running


def all_machines(lab: Lab) -> list[Machine]:
    return [*lab.machines, *lab.routers]


# ---- isolation


def test_no_machine_has_a_default_route(lab: Lab) -> None:
    for machine in all_machines(lab):
        assert "default" not in find_routes(machine)


def find_links(machine: Machine) -> dict[str, tuple[int, int]]:
    """Interface -> (its number, the number of its other end)."""
    links = json.loads(machine.run("ip", "-json", "link").stdout)
    return {link["ifname"]: (link["ifindex"], link.get("link_index", 0)) for link in links}


def test_every_cable_ends_in_a_router_of_the_lab(lab: Lab) -> None:
    there = {ends for router in lab.routers for ends in find_links(router).values()}
    own = str(Path("/proc/self/ns/net").readlink())
    for machine in lab.machines:
        assert machine.run("readlink", "/proc/self/ns/net").stdout.strip() != own
        legs = {name: ends for name, ends in find_links(machine).items() if name.startswith("eth")}
        assert legs
        assert all((far, near) in there for near, far in legs.values())


def test_a_real_address_is_unreachable_at_once(lab: Lab) -> None:
    with lab.client.net(), pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("1.1.1.1", 53), timeout=5)


def test_public_sides_meet_and_management_sides_do_not(lab: Lab) -> None:
    home, away = lab.hosts_of(lab.names.home.name)[0], lab.hosts_of(lab.names.away.name)[0]
    for machine in (home, away, lab.client, lab.ops1):
        assert can_connect(machine, lab.dns.primary, 53)
        assert can_connect(machine, plan.STORE, plan.STORE_PORT)
    away.run("ip", "route", "add", str(plan.MANAGEMENT[0]), "via", str(plan.MANAGEMENT[1][1]))
    try:
        assert not can_connect(away, home.addresses.management, plan.ENGINE_PORT)
    finally:
        away.run("ip", "route", "del", str(plan.MANAGEMENT[0]))


def test_operators_have_no_route_to_links_of_tenants(lab: Lab) -> None:
    for machine in (lab.ops1, lab.ops2, lab.client):
        for host in lab.hosts.values():
            with machine.net(), pytest.raises(OSError, match="unreachable"):
                socket.create_connection((str(host.subnets[5]), 27017), timeout=5)


# ---- engines


def open_engine(machine: Machine, host: HostMachine, folder: Path, *, with_certificate: bool) -> int:
    """HTTP status of a ping over TLS."""
    context = ssl.create_default_context(cadata=host.tls.ca.decode())
    if with_certificate:
        (folder / "pair.pem").write_bytes(host.tls.cert + host.tls.key)
        context.load_cert_chain(folder / "pair.pem")
    address = str(host.addresses.management)
    with machine.net():
        plain = socket.create_connection((address, plan.ENGINE_PORT), timeout=5)
    with plain, context.wrap_socket(plain, server_hostname=address) as wrapped:
        wrapped.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        return int(wrapped.recv(1000).split()[1])


def test_engines_answer_operators_over_tls(lab: Lab, tmp_path: Path) -> None:
    for host in lab.hosts.values():
        for machine in (lab.ops1, lab.ops2):
            assert open_engine(machine, host, tmp_path, with_certificate=True) == 200


def test_an_engine_refuses_who_shows_no_certificate(lab: Lab, tmp_path: Path) -> None:
    host = next(iter(lab.hosts.values()))
    with pytest.raises(ssl.SSLError):
        open_engine(lab.ops1, host, tmp_path, with_certificate=False)


def test_engines_answer_nobody_else(lab: Lab) -> None:
    places = [(h, a) for h in lab.hosts.values() for a in (h.addresses.management, h.edge_address)]
    for machine in (*lab.hosts.values(), lab.client, lab.primary, lab.store):
        others = [(a, port) for h, a in places for port in (2375, plan.ENGINE_PORT) if h is not machine]
        assert find_open(machine, others) == set()
    engines = {(h.addresses.management, plan.ENGINE_PORT) for h in lab.hosts.values()}
    assert find_open(lab.ops2, engines) == engines


def test_subnets_of_hosts_do_not_overlap(lab: Lab) -> None:
    hosts = list(lab.hosts.values())
    ranges = [h.subnets for h in hosts] + [h.addresses.pool for h in hosts] + [*plan.PUBLIC, *plan.MANAGEMENT]
    for number, one in enumerate(ranges):
        assert not any(one.overlaps(other) for other in ranges[number + 1 :])


# ---- DNS


def send_update(lab: Lab, key: Tsig, name: str, kind: str, value: str) -> int:
    ring = dns.tsigkeyring.from_text({key.name: key.secret})
    who = dns.name.from_text(key.name)
    update = dns.update.UpdateMessage(lab.dns.zone, keyring=ring, keyname=who, keyalgorithm=key.algorithm)
    update.replace(name, 60, kind, value)
    with lab.ops1.net():
        return dns.query.tcp(update, str(lab.dns.primary), timeout=5).rcode()


def ask(lab: Lab, server: object, name: str) -> list[str]:
    with lab.client.net():
        reply = dns.query.udp(dns.message.make_query(f"{name}.{lab.dns.zone}", "A"), str(server), timeout=5)
    return sorted(str(record) for answer in reply.answer for record in answer)


def wait_until_equal(lab: Lab, name: str, value: str) -> None:
    """The secondary follows by NOTIFY; this ends at once when it has."""
    for _ in range(500):
        if ask(lab, lab.dns.secondary, name) == [value]:
            return
    pytest.fail("the secondary does not follow")


def test_an_update_reaches_the_secondary_and_the_resolver_keeps_what_it_saw(lab: Lab) -> None:
    assert send_update(lab, lab.dns.tsig, "seen", "A", "192.0.2.1") == dns.rcode.NOERROR
    assert ask(lab, lab.dns.primary, "seen") == ["192.0.2.1"]
    wait_until_equal(lab, "seen", "192.0.2.1")
    assert ask(lab, lab.dns.resolver, "seen") == ["192.0.2.1"]
    assert send_update(lab, lab.dns.tsig, "seen", "A", "192.0.2.2") == dns.rcode.NOERROR
    wait_until_equal(lab, "seen", "192.0.2.2")
    assert ask(lab, lab.dns.resolver, "seen") == ["192.0.2.1"]


def test_only_the_right_key_may_change_and_only_what_is_granted(lab: Lab) -> None:
    assert send_update(lab, lab.dns.transfer, "other", "A", "192.0.2.1") == dns.rcode.REFUSED
    assert send_update(lab, lab.dns.tsig, lab.dns.zone + ".", "NS", "elsewhere.invalid.") == dns.rcode.REFUSED


def test_the_zone_is_transferred_to_the_transfer_key_only(lab: Lab) -> None:
    def transfer(key: Tsig) -> dns.zone.Zone:
        ring = dns.tsigkeyring.from_text({key.name: key.secret})
        with lab.ops1.net():
            messages = dns.query.xfr(
                str(lab.dns.primary), lab.dns.zone, keyring=ring, keyname=key.name, keyalgorithm=key.algorithm
            )
            return dns.zone.from_xfr(messages)

    assert transfer(lab.dns.transfer).find_node("ns1")
    with pytest.raises(dns.query.TransferError):
        transfer(lab.dns.tsig)


# ---- object store


def try_put(lab: Lab, bucket: str, credentials: Credentials) -> str:
    """Code of the store's answer, "" when it took the object."""
    client = boto3.client(
        "s3",
        endpoint_url=lab.s3.endpoint,
        region_name=lab.s3.region,
        aws_access_key_id=credentials.access,
        aws_secret_access_key=credentials.secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with lab.ops1.net():
        try:
            client.put_object(Bucket=bucket, Key="probe", Body=b"1")
            client.delete_object(Bucket=bucket, Key="probe")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
    return ""


def test_each_account_reaches_its_bucket_and_no_other(lab: Lab) -> None:
    for own, credentials in lab.s3.buckets.items():
        for bucket in lab.s3.buckets:
            assert try_put(lab, bucket, credentials) == ("" if bucket == own else "AccessDenied")


def test_the_store_checks_signatures(lab: Lab) -> None:
    bucket, right = next(iter(lab.s3.buckets.items()))
    wrong = Credentials(access=right.access, secret="wrong" + right.secret)
    assert try_put(lab, bucket, wrong) == "SignatureDoesNotMatch"


# ---- power


def test_a_host_comes_back_after_a_power_cut_with_its_disk_and_without_its_run(lab: Lab) -> None:
    host = lab.hosts_of(lab.names.away.name)[1]
    image = lab.images["redis"]
    host.load(image)
    host.path("/run/drp").mkdir()
    host.power_off()
    try:
        assert not can_connect(lab.ops1, host.addresses.management, plan.ENGINE_PORT)
    finally:
        host.boot()
    assert can_connect(lab.ops1, host.addresses.management, plan.ENGINE_PORT)
    assert not host.path("/run/drp").exists()
    with contextlib.closing(host.open_client()) as client:
        assert client.images.get(image.id).id == image.id
