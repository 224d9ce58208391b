"""One-shot helpers: jobs of the data plane that run beside a tenant's data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a helper shall do: ``kind`` and ``params`` as in ``drp/dataplane``; secrets apart from both."""

    kind: str
    params: JsonMap
    secrets: Mapping[str, Secret] = field(default_factory=dict)


Progress = Callable[[JsonMap], None]


class Helpers(Protocol):
    """Runs jobs on hosts. Data never passes through the caller: only parameters, progress and results do."""

    def run(
        self, host: str, spec: ContainerSpec, job: Job, *, deadline: timedelta, progress: Progress
    ) -> JsonMap:
        """Run the job in a container made from ``spec`` on the host; its result.

        Raises the error the job ended with, DeadlineError, UnreachableError (output cut: effect unknown).
        """
        ...
