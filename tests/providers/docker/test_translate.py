"""What is asked of an engine for each spec."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.errors import BugError
from drp.model.specs import Attachment, ContainerSpec, Mount, NetworkSpec, PublishedPort
from drp.providers.docker.translate import build_container, build_network

SPEC = ContainerSpec(
    name="acme-e0007-mongodb",
    image="sha256:1",
    command=("--port", "27017"),
    environment={"B": "2", "A": "1"},
    labels={"drp.tenant": "acme"},
    hostname="mongodb",
    uid=999,
    gid=998,
    attachments=(
        Attachment(network="acme-e0007-data", address="10.64.0.4", aliases=("mongodb",)),
        Attachment(network="acme-e0007-edge"),
    ),
    mounts=(
        Mount(path="/run/secrets", host_path="/run/drp/acme-e0007/mongodb", read_only=True),
        Mount(path="/data/db", volume="acme-e0007-mongodb"),
        Mount(path="/seed", volume="seed", read_only=True),
    ),
    ports=(PublishedPort(address="192.0.2.11", port=443, container_port=8443),),
    memory=2**30,
    cpus=1.5,
    pids=100,
    stop_timeout=7,
)
BODY: dict[str, Any] = {
    "Image": "sha256:1",
    "User": "999:998",
    "Cmd": ["--port", "27017"],
    "Env": ["A=1", "B=2"],
    "Labels": {"drp.tenant": "acme", "drp.spec": SPEC.digest()},
    "Hostname": "mongodb",
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "AttachStdin": False,
    "AttachStdout": True,
    "AttachStderr": True,
    "StopTimeout": 7,
    "Healthcheck": {"Test": ["NONE"]},
    "ExposedPorts": {"8443/tcp": {}},
    "NetworkingConfig": {
        "EndpointsConfig": {
            "acme-e0007-data": {"Aliases": ["mongodb"], "IPAMConfig": {"IPv4Address": "10.64.0.4"}}
        }
    },
    "HostConfig": {
        "NetworkMode": "acme-e0007-data",
        "PortBindings": {"8443/tcp": [{"HostIp": "192.0.2.11", "HostPort": "443"}]},
        "Binds": ["/run/drp/acme-e0007/mongodb:/run/secrets:ro"],
        "Mounts": [
            {"Type": "volume", "Source": "acme-e0007-mongodb", "Target": "/data/db"},
            {"Type": "volume", "Source": "seed", "Target": "/seed", "ReadOnly": True},
        ],
        "Tmpfs": {"/tmp": "size=64m,noexec,nosuid,nodev,mode=1777,uid=999,gid=998"},
        "Sysctls": {},
        "CapDrop": ["ALL"],
        "CapAdd": [],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "ReadonlyRootfs": True,
        "IpcMode": "private",
        "Init": True,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}},
        "Memory": 2**30,
        "MemorySwap": 2**30,
        "NanoCpus": 1_500_000_000,
        "PidsLimit": 100,
        "Ulimits": [
            {"Name": "nofile", "Soft": 16384, "Hard": 16384},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
    },
}

HARDENING = (
    "CapDrop", "SecurityOpt", "Privileged", "ReadonlyRootfs", "IpcMode", "Init", "RestartPolicy", "Ulimits",
)  # fmt: skip


def test_a_service() -> None:
    assert build_container(SPEC) == BODY


def test_a_helper_keeps_no_log_and_has_an_input() -> None:
    body = build_container(replace(SPEC, logs=False, stdin=True, attachments=(), ports=()))
    assert body["HostConfig"]["LogConfig"] == {"Type": "none", "Config": {}}
    assert (body["OpenStdin"], body["StdinOnce"], body["AttachStdin"]) == (True, True, True)
    assert body["HostConfig"]["NetworkMode"] == "none"
    assert body["NetworkingConfig"] == {"EndpointsConfig": {}}


@pytest.mark.parametrize(("entrypoint", "sent"), [(("/bin/x", "-a"), ["/bin/x", "-a"]), ((), [""])])
def test_an_entrypoint_in_place_of_the_image_s(entrypoint: tuple[str, ...], sent: list[str]) -> None:
    assert build_container(replace(SPEC, entrypoint=entrypoint))["Entrypoint"] == sent


def test_own_temporary_folders_come_beside_tmp() -> None:
    body = build_container(replace(SPEC, tmpfs={"/run/x": "mode=0700"}))
    assert body["HostConfig"]["Tmpfs"] == {**BODY["HostConfig"]["Tmpfs"], "/run/x": "mode=0700"}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", ""])
def test_no_port_is_published_on_every_address(address: str) -> None:
    port = PublishedPort(address=address, port=443, container_port=443)
    with pytest.raises(BugError, match="not one address of the host"):
        build_container(replace(SPEC, ports=(port,)))


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/run/drpx", "/run/drp/../../etc", "/var/run/docker.sock", "run/drp/x"]
)
def test_no_other_folder_of_the_host_is_mounted(path: str) -> None:
    with pytest.raises(BugError, match="only directories under /run/drp are"):
        build_container(replace(SPEC, mounts=(Mount(path="/x", host_path=path),)))


@given(
    uid=st.integers(0, 65535),
    capabilities=st.lists(st.sampled_from(["CHOWN", "FOWNER"]), unique=True).map(tuple),
    logs=st.booleans(),
    stdin=st.booleans(),
    memory=st.integers(2**23, 2**40),
)
def test_no_spec_softens_the_hardening(
    uid: int, capabilities: tuple[str, ...], logs: bool, stdin: bool, memory: int
) -> None:
    spec = replace(SPEC, uid=uid, capabilities=capabilities, logs=logs, stdin=stdin, memory=memory)
    sent = build_container(spec)["HostConfig"]
    assert {key: sent[key] for key in HARDENING} == {key: BODY["HostConfig"][key] for key in HARDENING}
    assert sent["MemorySwap"] == sent["Memory"] == memory
    assert sent["CapAdd"] == list(capabilities)


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("host_address", [True, False])
@pytest.mark.parametrize("talk", [True, False])
def test_a_network(internal: bool, host_address: bool, talk: bool) -> None:
    spec = NetworkSpec(
        name="acme-e0007-data", bridge="drp0123456789d", subnet="10.64.0.0/28", internal=internal,
        host_address=host_address, talk=talk, labels={"drp.tenant": "acme"},
    )  # fmt: skip
    assert build_network(spec) == {
        "Name": "acme-e0007-data",
        "Driver": "bridge",
        "CheckDuplicate": True,
        "Internal": internal,
        "Attachable": False,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.64.0.0/28"}]},
        "Options": {
            "com.docker.network.bridge.name": "drp0123456789d",
            "com.docker.network.bridge.inhibit_ipv4": "false" if host_address else "true",
            "com.docker.network.bridge.enable_icc": "true" if talk else "false",
            "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        },
        "Labels": {"drp.tenant": "acme"},
    }
