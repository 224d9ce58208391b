"""When the engine dies, freezes or is cut off: calls end, and never with half an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.errors import DeadlineError, DeniedError, DrpError, ProviderError, UnreachableError
from drp.model.specs import Attachment, ContainerSpec
from drp.providers.docker.engine import Patience
from drp.providers.docker.host import DockerHost
from tests.lab.certificates import Authority
from tests.providers.docker.engines import EngineMachine

pytestmark = pytest.mark.lab

SHORT = Patience(connect=1, look=1, change=2, transfer=2, cleanup=1)
UNSUSPECTING = Patience(connect=1, look=60, change=2, transfer=2, cleanup=1)
LONG_ENOUGH = timedelta(seconds=120)
LABELS = {"drp.tenant": "faults"}
# as many lines as fill every buffer between the container and the reader
FLOOD = "i=0; while [ $i -lt 2000000 ]; do echo line $i; i=$((i+1)); done"
DRIP = "while :; do echo tick; sleep 1; done"
SILENCE = "echo begun; sleep 1000"


def make_spec(image: str, script: str, name: str = "job") -> ContainerSpec:
    return ContainerSpec(
        name=name, image=image, command=("sh", "-c", script), labels=LABELS, uid=1000, gid=1000,
        memory=64 * 2**20, cpus=1.0, pids=16, stop_timeout=1, logs=False, stdin=True,
    )  # fmt: skip


@pytest.fixture
def socket_host(machine: EngineMachine) -> DockerHost:
    return machine.over_socket(SHORT)


@pytest.fixture
def host(machine: EngineMachine) -> Iterator[DockerHost]:
    yield machine.over_tls(SHORT)
    for container in machine.over_socket().containers(LABELS):
        machine.over_socket().remove_container(container.name)


@contextlib.contextmanager
def killed(machine: EngineMachine) -> Iterator[None]:
    machine.kill_engine()
    try:
        yield
    finally:
        machine.start_engine()


@contextlib.contextmanager
def cut_off(machine: EngineMachine) -> Iterator[None]:
    """Packets to the engine are lost in silence."""
    rule = ["INPUT", "-i", "lo", "-p", "tcp", "--dport", "2376", "-j", "DROP"]
    machine.run("iptables", "-A", *rule)
    try:
        yield
    finally:
        machine.run("iptables", "-D", *rule)


class TestOneShots:
    @pytest.mark.parametrize("script", [FLOOD, DRIP, SILENCE], ids=["flood", "drip", "silence"])
    def test_killed_engine_is_no_end_of_output(
        self, machine: EngineMachine, host: DockerHost, image: str, script: str
    ) -> None:
        lines = host.run_once(make_spec(image, script), b"", LONG_ENOUGH)
        next(lines)
        with killed(machine), pytest.raises(UnreachableError):
            list(lines)

    def test_killed_engine_over_its_socket(
        self, machine: EngineMachine, socket_host: DockerHost, image: str
    ) -> None:
        lines = socket_host.run_once(make_spec(image, DRIP), b"", LONG_ENOUGH)
        next(lines)
        with killed(machine), pytest.raises(UnreachableError):
            list(lines)

    def test_frozen_engine_reaches_the_deadline(
        self, machine: EngineMachine, host: DockerHost, image: str
    ) -> None:
        lines = machine.over_tls(UNSUSPECTING).run_once(make_spec(image, SILENCE), b"", timedelta(seconds=4))
        next(lines)
        with machine.stopped("dockerd"), pytest.raises(DeadlineError, match="no end within 4s"):
            list(lines)

    def test_frozen_engine_is_noticed_before_a_far_deadline(
        self, machine: EngineMachine, host: DockerHost, image: str
    ) -> None:
        lines = host.run_once(make_spec(image, SILENCE), b"", LONG_ENOUGH)
        next(lines)
        with machine.stopped("dockerd"), pytest.raises(UnreachableError, match="no answer in time"):
            list(lines)

    def test_silence_alone_is_no_fault(self, host: DockerHost, image: str) -> None:
        script = "echo begun; sleep 3; echo done"
        assert list(host.run_once(make_spec(image, script), b"", LONG_ENOUGH)) == [b"begun", b"done"]

    def test_what_a_killed_engine_left_is_replaced(
        self, machine: EngineMachine, host: DockerHost, image: str
    ) -> None:
        lines = host.run_once(make_spec(image, SILENCE), b"", LONG_ENOUGH)
        next(lines)
        with killed(machine), pytest.raises(UnreachableError):
            list(lines)
        assert [found.name for found in host.containers(LABELS)] == ["job"]
        assert list(host.run_once(make_spec(image, "echo again"), b"", LONG_ENOUGH)) == [b"again"]

    def test_a_cut_line_is_noticed(self, machine: EngineMachine, image: str) -> None:
        host = machine.over_tls(SHORT)
        lines = host.run_once(make_spec(image, SILENCE), b"", LONG_ENOUGH)
        next(lines)
        with cut_off(machine), pytest.raises(UnreachableError):
            list(lines)
        host.remove_container("job")

    def test_out_of_memory_is_said(self, host: DockerHost, image: str) -> None:
        # tail keeps a line that never ends in memory
        with pytest.raises(DrpError, match=r"exit code 137 \(out of memory\)"):
            list(host.run_once(make_spec(image, "tail -n 1 /dev/zero"), b"", LONG_ENOUGH))


class TestCommands:
    @pytest.fixture
    def running(self, machine: EngineMachine, host: DockerHost, image: str) -> str:
        spec = make_spec(image, "sleep 1000", name="service")
        host.create_container(spec)
        host.start_container(spec.name)
        return spec.name

    def test_frozen_engine_reaches_the_deadline(
        self, machine: EngineMachine, host: DockerHost, running: str
    ) -> None:
        host.state()
        with machine.stopped("dockerd"), pytest.raises((DeadlineError, UnreachableError)):
            host.execute(running, ["sleep", "1000"], timedelta(seconds=3))


CALLS: dict[str, Callable[[DockerHost], object]] = {
    "state": lambda host: host.state(),
    "find": lambda host: host.find_container("service"),
    "start": lambda host: host.start_container("service"),
    "read": lambda host: host.read_file("service", "/etc/passwd"),
    "execute": lambda host: host.execute("service", ["true"], LONG_ENOUGH),
    "save": lambda host: list(host.save_image("sha256:" + "0" * 64)),
    "stop": lambda host: host.stop_container("service", timedelta(seconds=1)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
class TestAllCallsEnd:
    def test_frozen(self, machine: EngineMachine, host: DockerHost, call: Callable[..., object]) -> None:
        host.state()
        with machine.stopped("dockerd"), pytest.raises(UnreachableError, match="no answer in time"):
            call(host)

    def test_dead(self, machine: EngineMachine, host: DockerHost, call: Callable[..., object]) -> None:
        host.state()
        with killed(machine), pytest.raises(UnreachableError, match="on host 'h1'"):
            call(host)


class TestBrokenOffCreations:
    """An orchestrator that died between creating and naming leaves an unfinished container."""

    @pytest.fixture
    def spec(self, host: DockerHost, image: str) -> ContainerSpec:
        spec = make_spec(image, "sleep 1000", name="service")
        host.create_container(replace(spec, name="service.unfinished"))
        assert host.find_container("service") is None
        return spec

    def test_the_next_creation_takes_its_place(self, host: DockerHost, spec: ContainerSpec) -> None:
        host.create_container(spec)
        assert [found.name for found in host.containers(LABELS)] == ["service"]

    def test_a_refused_attachment_leaves_nothing(self, host: DockerHost, image: str) -> None:
        links = (Attachment(network="bridge"), Attachment(network="host"))
        with pytest.raises(ProviderError, match="cannot create container 'service' on host 'h1'"):
            host.create_container(replace(make_spec(image, "true", name="service"), attachments=links))
        assert host.containers(LABELS) == []

    def test_removal_takes_it_along(self, host: DockerHost, spec: ContainerSpec) -> None:
        host.remove_container("service")
        assert host.containers(LABELS) == []


def test_many_threads_share_one_engine(machine: EngineMachine, image: str) -> None:
    host = machine.over_socket()

    def run(number: int) -> list[bytes]:
        spec = make_spec(image, f"echo {number}", name=f"job{number}")
        return list(host.run_once(spec, b"", LONG_ENOUGH))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(16))) == [[f"{number}".encode()] for number in range(16)]


class TestCertificates:
    def test_a_client_of_another_authority_is_denied(self, machine: EngineMachine) -> None:
        stranger = Authority("strangers").issue_client("operator")
        with pytest.raises(DeniedError, match="cannot reach the engine on host 'h1': TLS refused"):
            machine.over_tls(tls=machine.tls(client=stranger)).state()

    def test_an_engine_of_another_authority_is_not_trusted(self, machine: EngineMachine) -> None:
        other = Authority("others").certificate
        with pytest.raises(DeniedError, match="TLS refused"):
            machine.over_tls(tls=machine.tls(ca=other)).state()

    def test_public_authorities_are_not_trusted(
        self, machine: EngineMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # the engine's own authority plays a public one
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(machine.disk / "ca.pem"))
        other = Authority("others").certificate
        with pytest.raises(DeniedError, match="TLS refused"):
            machine.over_tls(tls=machine.tls(ca=other)).state()

    def test_the_environment_has_no_say(
        self, machine: EngineMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bundles = dict.fromkeys(
            ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "/etc/ssl/certs/ca-certificates.crt"
        )
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        for name, value in (bundles | proxies).items():
            monkeypatch.setenv(name, value)
        assert machine.over_tls().state().cpus > 0
