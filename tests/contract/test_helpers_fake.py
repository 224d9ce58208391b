"""The contract of helpers on the fake."""

from __future__ import annotations

import pytest

from drp.errors import BugError, DeadlineError, RefusedError, RejectedError, UnreachableError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job
from drp.testing.contract_helpers import HelperBench, HelpersContract, digest_of
from drp.testing.helpers import FakeHelpers
from drp.testing.hosts import FakeHost

IMAGE = "sha256:" + "1" * 64
ENDS = {
    "refuse": RefusedError("cannot echo: no", hint="try again"),
    "crash": RejectedError("cannot run: exit code 1: boom"),
    "mute": UnreachableError("cannot read the helper's answer: output was cut"),
    "hang": DeadlineError("cannot run: no end within 2s"),
}


def echo(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
    found = host.find_container(spec.name)
    assert found is not None
    assert found.running
    return {"sha256": digest_of(job)}


def fail(host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
    raise ENDS[job.kind]


@pytest.fixture
def bench() -> HelperBench:
    host = FakeHost("h1")
    host.add_image(IMAGE)
    spec = ContainerSpec(
        name="acme-helper", image=IMAGE, uid=1, gid=1, memory=1, cpus=1, pids=1, logs=False, stdin=True
    )
    helpers = FakeHelpers({"h1": host}, {"echo": echo, **dict.fromkeys(ENDS, fail)})
    return HelperBench(helpers=helpers, host=host, host_name="h1", spec=spec)


class TestFakeHelpers(HelpersContract):
    def test_a_job_without_handler_is_a_bug_of_the_test(self, bench: HelperBench) -> None:
        with pytest.raises(BugError, match="no handler"):
            bench.run("unheard-of")

    def test_an_unreachable_host_runs_nothing(self, bench: HelperBench) -> None:
        assert isinstance(bench.host, FakeHost)
        bench.host.reachable = False
        with pytest.raises(UnreachableError):
            bench.run("echo")
