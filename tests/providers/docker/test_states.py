"""What is made of an engine's descriptions, the bare ones included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from drp.ports.hosts import ContainerState, NetworkState
from drp.providers.docker.states import parse_container, parse_network, parse_time

CONTAINER: dict[str, Any] = {
    "Name": "/edge",
    "Id": "c0ffee",
    "Image": "sha256:1",
    "State": {"Status": "running", "ExitCode": 0},
    "Config": {"Labels": {"drp.spec": "d1", "drp.tenant": "-"}},
    "NetworkSettings": {
        "Networks": {"drp-edge": {"IPAddress": "10.64.0.2"}, "acme-edge": {"IPAddress": ""}},
        "Ports": {
            "443/tcp": [{"HostIp": "192.0.2.11", "HostPort": "443"}],
            "80/tcp": [{"HostIp": "192.0.2.11", "HostPort": "80"}],
            "8404/tcp": None,
        },
    },
}


def test_a_container() -> None:
    assert parse_container(CONTAINER) == ContainerState(
        name="edge", id="c0ffee", image="sha256:1", status="running", exit_code=0,
        labels={"drp.tenant": "-"}, networks={"drp-edge": "10.64.0.2", "acme-edge": ""},
        published=("192.0.2.11:443", "192.0.2.11:80"), spec_digest="d1",
    )  # fmt: skip


def test_a_foreign_container_without_anything() -> None:
    bare = {
        **CONTAINER,
        "State": {"Status": "exited", "ExitCode": 137},
        "Config": {"Labels": None},
        "NetworkSettings": {"Networks": {"none": {"IPAddress": ""}}, "Ports": None},
    }
    found = parse_container(bare)
    assert (found.labels, found.networks, found.published, found.spec_digest) == ({}, {}, (), "")
    assert (found.running, found.exit_code) == (False, 137)


def test_a_network() -> None:
    found = {
        "Name": "link",
        "Internal": True,
        "IPAM": {"Config": [{"Subnet": "fd00::/64"}, {"Subnet": "10.64.0.0/28", "Gateway": "10.64.0.1"}]},
        "Options": {
            "com.docker.network.bridge.name": "drplink",
            "com.docker.network.bridge.inhibit_ipv4": "true",
        },
        "Containers": {"c0ffee": {"Name": "edge", "IPv4Address": "10.64.0.2/28"}},
        "Labels": {"a": "b"},
    }
    assert parse_network(found) == NetworkState(
        name="link", subnet="10.64.0.0/28", bridge="drplink", internal=True, host_address=False,
        labels={"a": "b"}, members={"edge": "10.64.0.2"},
    )  # fmt: skip


def test_a_network_without_addresses() -> None:
    found = parse_network({"Name": "none", "IPAM": {"Config": None}, "Options": None, "Labels": None})
    assert (found.subnet, found.bridge, found.host_address, found.members) == ("", "", True, {})


@pytest.mark.parametrize(
    "text",
    ["2031-03-04T05:06:07.123456789Z", "2031-03-04T06:06:07.123456+01:00", "2031-03-04T05:06:07.123456999Z"],
)
def test_times(text: str) -> None:
    assert parse_time(text) == datetime(2031, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
