"""What every runner of helpers must do. Subclass in a test module and say how the pieces are made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest

from drp.dataplane.wire import encode_job
from drp.errors import DeadlineError, DrpError, RefusedError, RejectedError, UnreachableError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap, Secret
from drp.ports.helpers import Helpers, Job
from drp.ports.hosts import Host

SCRIPT: Final = r"""
length=$((0x$(dd bs=1 count=8 2>/dev/null | od -An -tx1 | tr -d ' \n')))
head -c $length > /tmp/job
case "$(cat /tmp/job)" in
*'"job": "echo"'*)
    echo '{"kind": "progress", "done": 1, "total": 2, "unit": "documents"}'
    echo '{"kind": "progress", "done": 2, "total": 2, "unit": "documents"}'
    echo "{\"kind\": \"result\", \"data\": {\"sha256\": \"$(sha256sum < /tmp/job | cut -c-64)\"}}" ;;
*'"job": "refuse"'*)
    echo '{"kind": "error", "class": "RefusedError", "message": "cannot echo: no", "hint": "try again"}'
    exit 4 ;;
*'"job": "crash"'*) echo boom >&2; exit 1 ;;
*'"job": "mute"'*) exit 0 ;;
*'"job": "hang"'*) sleep 1000 ;;
esac
"""
"""A helper for these tests, for a POSIX shell: it answers each kind of job in its own way."""

ENOUGH: Final = timedelta(seconds=60)


def digest_of(job: Job) -> str:
    """What the job ``echo`` answers: the SHA-256 of the whole job as the helper got it."""
    return hashlib.sha256(encode_job(job.kind, job.params, job.secrets)[8:]).hexdigest()


@dataclass(frozen=True, kw_only=True)
class HelperBench:
    """Helpers, the host they run on, and the spec of a container that runs SCRIPT."""

    helpers: Helpers
    host: Host
    host_name: str
    spec: ContainerSpec

    def run(self, kind: str, seen: list[JsonMap] | None = None, *, deadline: timedelta = ENOUGH) -> JsonMap:
        job = make_job(kind)
        progress = [] if seen is None else seen
        return self.helpers.run(self.host_name, self.spec, job, deadline=deadline, progress=progress.append)


def make_job(kind: str) -> Job:
    params: JsonMap = {"collection": "café", "many": ["x" * 100] * 500}
    return Job(kind=kind, params=params, secrets={"password": Secret(b"\x00s3cret")})


class HelpersContract:
    """Each test gets a ``bench``."""

    def test_a_job_arrives_whole_and_its_result_comes_back(self, bench: HelperBench) -> None:
        seen: list[JsonMap] = []
        assert bench.run("echo", seen) == {"sha256": digest_of(make_job("echo"))}
        assert seen
        assert all(step.keys() == {"done", "total", "unit"} for step in seen)

    @pytest.mark.parametrize(
        ("kind", "end"),
        [
            ("refuse", (RefusedError, "cannot echo: no")),
            ("crash", (RejectedError, "boom")),
            ("mute", (UnreachableError, "cut")),
        ],
    )
    def test_a_job_ends_with_its_own_error(
        self, bench: HelperBench, kind: str, end: tuple[type[DrpError], str]
    ) -> None:
        with pytest.raises(end[0], match=end[1]):
            bench.run(kind)
        assert bench.host.find_container(bench.spec.name) is None

    def test_a_reported_error_keeps_its_hint(self, bench: HelperBench) -> None:
        with pytest.raises(RefusedError) as caught:
            bench.run("refuse")
        assert caught.value.hint == "try again"

    def test_a_job_that_does_not_end(self, bench: HelperBench) -> None:
        with pytest.raises(DeadlineError, match="no end within 2s"):
            bench.run("hang", deadline=timedelta(seconds=2))
        assert bench.host.find_container(bench.spec.name) is None

    def test_the_next_job_takes_the_place_of_a_left_over(self, bench: HelperBench) -> None:
        bench.host.create_container(replace(bench.spec, command=("sleep", "1000")))
        assert bench.run("echo") == {"sha256": digest_of(make_job("echo"))}
