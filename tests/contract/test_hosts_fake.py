"""The contract of hosts on the fake, and what only the fake can do."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import pytest

from drp.errors import DeadlineError, RejectedError, UnreachableError
from drp.model.specs import ContainerSpec
from drp.ports.hosts import ExecResult
from drp.testing.contract_hosts import HostContract
from drp.testing.host_bench import SCRIPTS, Bench, password_file
from drp.testing.hosts import FakeHost

IMAGE = "sha256:" + "1" * 64
SECOND_IMAGE = "sha256:" + "2" * 64
BEHAVIOUR: dict[str, Callable[[bytes], Iterable[bytes]]] = {
    "digest": lambda stdin: [hashlib.sha256(stdin).hexdigest().encode() + b"  -"],
    "count": lambda stdin: [*(f"line {number}".encode() for number in range(20000)), b"end"],
    "wide": lambda stdin: [b"x" * 3000000],
}


def program(host: FakeHost, spec: ContainerSpec, stdin: bytes) -> Iterator[bytes]:
    """The suite's scripts as one-shots."""
    script = next(name for name, text in SCRIPTS.items() if text == spec.command[-1])
    if script == "fail":
        yield b"before"
        raise RejectedError("cannot run: exit code 3: reason")
    if script == "hang":
        yield b"begun"
        raise DeadlineError("cannot run: no end within 3s")
    yield from BEHAVIOUR[script](stdin)


def command(host: FakeHost, container: str, argv: tuple[str, ...]) -> ExecResult:
    """The suite's scripts as commands."""
    script = next(name for name, text in SCRIPTS.items() if text == argv[-1])
    if script == "hang":
        raise DeadlineError("cannot execute: no end within 2s")
    if script == "fail":
        return ExecResult(exit_code=3, output="before\nreason\n")
    if script == "wide":
        return ExecResult(exit_code=0, output="x" * 3000000 + "\n")
    place = host.world.files_at(host.world.containers[container], "/run/secrets/password")
    assert place is not None
    file = place[0][place[1]]
    if script == "owner":
        return ExecResult(exit_code=0, output=f"{file.uid}:{file.gid} {file.mode:o}\n")
    return ExecResult(exit_code=4, output=file.content.decode())


def make_host(name: str) -> FakeHost:
    host = FakeHost(name)
    host.add_image(IMAGE, b"layers")
    host.commands[IMAGE] = command
    host.programs[IMAGE] = program
    return host


@pytest.fixture
def host() -> FakeHost:
    return make_host("h1")


@pytest.fixture
def bench(host: FakeHost) -> Bench:
    host.add_image(SECOND_IMAGE, b"other layers")
    return Bench(host=host, other=make_host("h2"), image=IMAGE, prefix="test", image_only_here=SECOND_IMAGE)


class TestFakeHost(HostContract):
    pass


class TestWhatOnlyTheFakeDoes:
    def test_a_copy_goes_its_own_way(self, bench: Bench, host: FakeHost) -> None:
        bench.run("c", "serve")
        twin = copy.deepcopy(host)
        assert twin.dump() == host.dump()
        twin.crash("test-c")
        assert host.dump() != twin.dump()
        assert bench.require("c").running

    def test_a_planned_failure_comes_once(self, bench: Bench, host: FakeHost) -> None:
        host.fail_next("create_container", UnreachableError("cannot reach host 'h1': cut"))
        with pytest.raises(UnreachableError):
            host.create_container(bench.spec("c"))
        assert host.find_container("test-c") is None
        host.create_container(bench.spec("c"))

    def test_a_failure_after_its_effect(self, bench: Bench, host: FakeHost) -> None:
        host.fail_next("create_container", UnreachableError("cannot reach host 'h1': cut"), after_effect=True)
        with pytest.raises(UnreachableError):
            host.create_container(bench.spec("c"))
        assert host.find_container("test-c") is not None

    def test_output_that_is_cut(self, bench: Bench, host: FakeHost) -> None:
        host.fail_next("run_once", UnreachableError("cannot run: cut"), after_effect=True)
        lines = host.run_once(bench.once("job", "digest"), b"", timedelta(seconds=1))
        next(lines)
        with pytest.raises(UnreachableError):
            next(lines)

    def test_a_host_that_is_cut_off(self, bench: Bench, host: FakeHost) -> None:
        host.reachable = False
        with pytest.raises(UnreachableError, match="cannot reach host 'h1'"):
            host.state()
        with pytest.raises(UnreachableError):
            list(host.run_once(bench.once("job", "digest"), b"", timedelta(seconds=1)))

    def test_what_a_reboot_takes(self, bench: Bench, host: FakeHost) -> None:
        spec = bench.spec("c", mounts=(bench.secrets("c"),))
        host.create_container(spec)
        host.put_files(spec.name, "/run/secrets", [password_file()])
        host.start_container(spec.name)
        host.reboot()
        assert bench.require("c").status == "exited"
        assert host.read_file(spec.name, "/run/secrets/password") is None

    def test_slowness(self, bench: Bench, host: FakeHost) -> None:
        name = bench.run("c", "serve")
        host.durations[IMAGE] = timedelta(seconds=5)
        with pytest.raises(DeadlineError):
            host.execute(name, ["true"], timedelta(seconds=4))
        host.stop_container(name, timedelta(seconds=4))
        assert bench.require("c").exit_code == 137

    def test_a_dump_holds_digests_and_no_contents(self, bench: Bench, host: FakeHost) -> None:
        spec = bench.spec("c", mounts=(bench.secrets("c"),))
        host.create_container(spec)
        file = password_file()
        host.put_files(spec.name, "/run/secrets", [file])
        secret = file.content.reveal()
        assert hashlib.sha256(secret).hexdigest() in str(host.dump())
        assert secret.decode() not in str(host.dump())
