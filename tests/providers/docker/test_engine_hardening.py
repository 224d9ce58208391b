"""What a real engine makes of the specs: containers and networks are as closed as they were meant to be."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import docker
import pytest

from drp.errors import RejectedError
from drp.model.names import SECRETS_ROOT
from drp.model.specs import (
    Attachment,
    ContainerSpec,
    FileSpec,
    Mount,
    NetworkSpec,
    PublishedPort,
    VolumeSpec,
)
from drp.model.values import Secret
from drp.providers.docker.host import DockerHost
from drp.providers.docker.translate import build_container
from tests.providers.docker.engines import EngineMachine

pytestmark = pytest.mark.lab

LABELS = {"drp.tenant": "hardening"}
ENOUGH = timedelta(seconds=60)
SECRET = b"canary-7f3a9c51e2"


@pytest.fixture
def host(machine: EngineMachine) -> Iterator[DockerHost]:
    made = machine.over_tls()
    yield made
    for container in made.containers(LABELS):
        made.remove_container(container.name)
    for network in made.networks():
        if network.labels == LABELS:
            made.remove_network(network.name)


def make_spec(image: str, **changes: Any) -> ContainerSpec:
    fields: dict[str, Any] = {
        "name": "box", "image": image, "command": ("sleep", "1000"), "labels": LABELS, "hostname": "front",
        "uid": 1000, "gid": 1001, "memory": 64 * 2**20, "cpus": 0.5, "pids": 16, "stop_timeout": 1,
    }  # fmt: skip
    return ContainerSpec(**{**fields, **changes})


def make_network(**changes: Any) -> NetworkSpec:
    fields: dict[str, Any] = {
        "name": "link", "bridge": "drplink", "subnet": "10.79.0.0/28", "internal": True,
        "host_address": False, "labels": LABELS,
    }  # fmt: skip
    return NetworkSpec(**{**fields, **changes})


def inspect(machine: EngineMachine, name: str) -> dict[str, Any]:
    found: dict[str, Any] = docker.APIClient(machine.sock, version="1.41").inspect_container(name)
    return found


def output(host: DockerHost, *argv: str) -> str:
    return host.execute("box", argv, ENOUGH).output


def test_the_engine_holds_every_setting_that_was_sent(
    machine: EngineMachine, host: DockerHost, image: str
) -> None:
    host.create_network(make_network(internal=False, host_address=True))
    host.create_volume(VolumeSpec(name="data", labels=LABELS))
    spec = make_spec(
        image,
        attachments=(Attachment(network="link", address="10.79.0.4", aliases=("db",)),),
        mounts=(Mount(path="/data", volume="data"), Mount(path="/run/secrets", host_path="/run/drp/c")),
        ports=(PublishedPort(address="127.0.0.1", port=8443, container_port=443),),
        sysctls={"net.ipv4.ip_forward": "0"},
        capabilities=("CHOWN",),
        environment={"MODE": "quiet"},
    )
    host.create_container(spec)
    found = inspect(machine, "box")
    body = build_container(spec)
    sent, held = body.pop("HostConfig"), found["HostConfig"]
    assert {key: held[key] for key in sent} == sent
    for key in ("User", "StopTimeout", "Healthcheck", "OpenStdin", "Tty", "Cmd", "Hostname"):
        assert found["Config"][key] == body[key], key
    assert not held["Devices"]
    assert held["UsernsMode"] == held["PidMode"] == held["UTSMode"] == ""
    host.remove_container("box")
    host.remove_volume("data")


def test_the_process_has_no_rights(host: DockerHost, image: str) -> None:
    host.create_container(make_spec(image))
    host.start_container("box")
    status = dict(
        line.split(":\t", 1)
        for line in output(host, "cat", "/proc/self/status").splitlines()
        if ":\t" in line
    )
    assert {key: int(status[key], 16) for key in ("CapBnd", "CapEff", "CapPrm")} == dict.fromkeys(
        ("CapBnd", "CapEff", "CapPrm"), 0
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["1001"] * 4


def test_what_can_be_written_cannot_be_run(host: DockerHost, image: str) -> None:
    host.create_container(make_spec(image))
    host.start_container("box")
    assert "Read-only file system" in output(host, "sh", "-c", "echo x > /etc/x")
    # two streams would come in any order
    script = "exec 2>&1; cp /bin/busybox /tmp/tool && echo copied && chmod 755 /tmp/tool && /tmp/tool id"
    said = output(host, "sh", "-c", script)
    assert said.startswith("copied\n")
    assert "Permission denied" in said


def test_limits_hold(host: DockerHost, image: str) -> None:
    host.create_container(make_spec(image))
    host.start_container("box")
    assert output(host, "sh", "-c", "ulimit -c; ulimit -n; hostname").split() == ["0", "16384", "front"]
    crowd = "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done"
    assert "can't fork" in output(host, "sh", "-c", crowd)


def test_a_port_answers_on_its_address_alone(machine: EngineMachine, host: DockerHost, image: str) -> None:
    host.create_network(make_network(internal=False, host_address=True))
    spec = make_spec(
        image,
        attachments=(Attachment(network="link"),),
        ports=(PublishedPort(address="127.0.0.1", port=8080, container_port=80),),
    )
    host.create_container(spec)
    host.start_container("box")
    found = host.find_container("box")
    assert found is not None
    assert found.published == ("127.0.0.1:8080",)
    listening = [line.split()[3] for line in machine.run("ss", "-Hltn").stdout.splitlines()]
    assert [address for address in listening if address.endswith(":8080")] == ["127.0.0.1:8080"]


def test_members_of_a_closed_link_meet_and_the_host_stays_outside(
    machine: EngineMachine, host: DockerHost, image: str
) -> None:
    host.create_network(make_network())
    listen = "while :; do nc -l -p 5000 -e echo met; done"
    for name, command in (("server", listen), ("box", "sleep 1000")):
        link = Attachment(network="link", aliases=(f"the-{name}",))
        host.create_container(make_spec(image, name=name, command=("sh", "-c", command), attachments=(link,)))
    machine.popen("busybox", "nc", "-ll", "-p", "7000", "-e", "echo", "greeting")
    for restarted in (False, True):
        if restarted:
            machine.kill_engine()
            machine.start_engine()
        for name in ("server", "box"):
            host.start_container(name)
        assert output(host, "nc", "-w", "2", "the-server", "5000") == "met\n"
        assert "10.79.0" not in machine.run("ip", "-4", "addr").stdout
        for address in ("10.78.255.1", "10.79.0.1"):
            assert "greeting" not in output(host, "nc", "-w", "2", address, "7000")
    assert machine.run("busybox", "nc", "-w", "2", "10.78.255.1", "7000").stdout == "greeting\n"


def test_members_of_a_silent_network_do_not_meet(host: DockerHost, image: str) -> None:
    host.create_network(make_network(internal=False, host_address=True, talk=False))
    for name, command, address in (
        ("server", "while :; do nc -l -p 5000 -e echo met; done", "10.79.0.4"),
        ("box", "sleep 1000", "10.79.0.5"),
    ):
        link = Attachment(network="link", address=address)
        host.create_container(make_spec(image, name=name, command=("sh", "-c", command), attachments=(link,)))
        host.start_container(name)
    assert host.execute("server", ["nc", "-w", "2", "127.0.0.1", "5000"], ENOUGH).output == "met\n"
    assert "met" not in output(host, "nc", "-w", "2", "10.79.0.4", "5000")


def test_secrets_lie_in_the_memory_of_the_host_alone(
    machine: EngineMachine, host: DockerHost, image: str
) -> None:
    mount = Mount(path="/run/secrets", host_path=f"{SECRETS_ROOT}/c")
    host.create_container(make_spec(image, mounts=(mount,)))
    file = FileSpec(name="password", content=Secret(SECRET), uid=0, gid=1001, mode=0o440)
    host.put_files("box", "/run/secrets", [file])
    host.start_container("box")
    assert output(host, "cat", "/run/secrets/password").encode() == SECRET
    assert output(host, "stat", "-f", "-c", "%T", "/run/secrets") == "tmpfs\n"
    assert "Permission denied" in output(host, "sh", "-c", "echo x > /run/secrets/password")
    assert SECRET.decode() not in json.dumps(inspect(machine, "box"))
    assert find_on_disk(machine) == ""


def test_the_input_of_a_helper_lies_nowhere(machine: EngineMachine, host: DockerHost, image: str) -> None:
    spec = make_spec(image, command=("sh", "-c", "head -c 17; echo; sleep 2"), stdin=True, logs=False)
    lines = host.run_once(spec, SECRET, ENOUGH)
    assert next(lines) == SECRET
    assert find_on_disk(machine) == ""
    assert SECRET.decode() not in json.dumps(inspect(machine, "box"))
    assert list(lines) == []


def test_logs_that_are_kept_lie_on_the_disk(machine: EngineMachine, host: DockerHost, image: str) -> None:
    """That the search of the disk finds things at all."""
    host.create_container(make_spec(image, command=("sh", "-c", f"echo {SECRET.decode()}; sleep 1000")))
    host.start_container("box")
    assert find_on_disk(machine) != ""


def test_a_start_that_fails_says_why(host: DockerHost, image: str) -> None:
    host.create_container(make_spec(image, sysctls={"net.ipv4.no_such_thing": "0"}))
    with pytest.raises(RejectedError, match=r"cannot start container 'box' on host 'h1': .*no_such_thing"):
        host.start_container("box")


def find_on_disk(machine: EngineMachine) -> str:
    """Files of the engine's disk that hold SECRET."""
    found = subprocess.run(
        ["grep", "-rlaF", SECRET.decode(), machine.disk / "docker"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout
