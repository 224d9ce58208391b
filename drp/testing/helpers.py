"""Helpers whose jobs are answered by functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from drp.errors import BugError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job, Progress
from drp.testing.failures import Scripted
from drp.testing.hosts import FakeHost

JobHandler = Callable[[FakeHost, ContainerSpec, Job], JsonMap]
"""Does a job of one kind: (host, spec, job) -> result; raises the error that the job ends with."""


def _go_on(_point: str) -> None:
    """The power stays on."""


class FakeHelpers(Scripted):
    """The container of a job exists on the fake host, with its networks, while its handler runs.

    Handlers get the host and the job as arguments: a handler that closes over a world of its own would
    not be copied with this one (a bound method is). ``hit`` is told when a job begins and when it has
    ended: where it cuts the power the container stays.
    """

    def __init__(self, hosts: Mapping[str, FakeHost], handlers: Mapping[str, JobHandler]) -> None:
        super().__init__()
        self.hosts = hosts
        self.handlers = dict(handlers)
        self.hit: Callable[[str], None] = _go_on

    def run(
        self, host: str, spec: ContainerSpec, job: Job, *, deadline: timedelta, progress: Progress
    ) -> JsonMap:
        if job.kind not in self.handlers:
            raise BugError(f"cannot run job '{job.kind}': the fake has no handler for it")
        with self._call("run"), self.hosts[host].one_shot(spec, deadline):
            progress({"done": 0, "total": 0, "unit": "bytes"})
            self.hit(f"helper-began:{spec.name}")
            result = self.handlers[job.kind](self.hosts[host], spec, job)
            self.hit(f"helper-ended:{spec.name}")
            return result
