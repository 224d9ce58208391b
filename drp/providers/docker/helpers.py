"""Helpers as one-shot containers that speak the data plane's wire: the port ``drp.ports.helpers``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator
from datetime import timedelta

from drp.dataplane.wire import Progress as WireProgress
from drp.dataplane.wire import decode_output, encode_job
from drp.errors import BugError, RejectedError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job, Progress
from drp.ports.hosts import Host


class DockerHelpers:
    """Jobs on the hosts that ``host`` finds by name. The job, secrets included, goes by stdin alone."""

    def __init__(self, host: Callable[[str], Host]) -> None:
        self._host = host

    def run(
        self, host: str, spec: ContainerSpec, job: Job, *, deadline: timedelta, progress: Progress
    ) -> JsonMap:
        if not spec.stdin or spec.logs:
            raise BugError(f"cannot run job '{job.kind}' in '{spec.name}': it needs stdin, and no logs")

        def tell(step: WireProgress) -> None:
            progress({"done": step.done, "total": step.total, "unit": step.unit})

        text = encode_job(job.kind, job.params, job.secrets)
        with contextlib.closing(self._host(host).run_once(spec, text, deadline)) as lines:
            return decode_output(_iter_answer(lines), tell)


def _iter_answer(lines: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """The lines; a helper that has told its error may then end with any exit code."""
    last = b""
    try:
        for last in lines:
            yield last
    except RejectedError:
        if not _is_error(last):
            raise


def _is_error(line: bytes) -> bool:
    try:
        message = json.loads(line)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("kind") == "error"
