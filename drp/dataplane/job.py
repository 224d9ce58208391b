"""What a job gets: its parameters, its secrets, a way to reach servers and stores, and a way to report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from drp.dataplane.places import Bucket, CacheEndpoint, Endpoint
from drp.dataplane.wire import Job, Progress, render_progress
from drp.errors import UsageError
from drp.model.values import Secret

if TYPE_CHECKING:
    from drp.dataplane.cache.connection import Cache
    from drp.dataplane.mongodb.server import Server
    from drp.dataplane.store import Store

P = TypeVar("P")
_EVERY_S = 1.0


class Doors(Protocol):
    """How a job gets to the world outside; errors are those of what is behind the door."""

    def mongodb(
        self, endpoint: Endpoint, password: Secret | None, *, timeout_s: float = 20
    ) -> AbstractContextManager[Server]: ...

    def cache(
        self, endpoint: CacheEndpoint, password: Secret | None, *, database: int = 0, timeout_s: float = 20
    ) -> AbstractContextManager[Cache]: ...

    def store(self, bucket: Bucket, *, access: Secret, secret: Secret) -> Store: ...

    def now(self) -> datetime: ...


class Reporter:
    """Tells how far a job is, once a second at most; used by several threads."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._lock = Lock()
        self._due = clock() + _EVERY_S
        self._done = 0
        self.total = 0
        self.unit = "bytes"

    def begin(self) -> None:
        """Tell at once that the work has begun."""
        self._write(render_progress(Progress(done=0, total=0, unit=self.unit)))

    def advance(self, amount: int) -> None:
        """``amount`` more is done."""
        with self._lock:
            self._done += amount
            now = self._clock()
            if now >= self._due:
                self._due = now + _EVERY_S
                progress = Progress(done=self._done, total=max(self.total, self._done), unit=self.unit)
                self._write(render_progress(progress))


def silent() -> Reporter:
    """Reports to nobody."""
    return Reporter(lambda _line: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One job being done."""

    job: Job
    doors: Doors
    report: Reporter = field(default_factory=silent)

    def parse(self, shape: type[P]) -> P:
        """The parameters as a frozen dataclass; fields it does not know are left out. Raises UsageError."""
        return parse_params(self.job.kind, shape, self.job.params)

    def find_secret(self, name: str) -> Secret | None:
        return self.job.secrets.get(name)

    def require_secret(self, name: str) -> Secret:
        """Raises UsageError."""
        found = self.job.secrets.get(name)
        if found is None:
            raise UsageError(f"cannot run job '{self.job.kind}': it lacks the secret '{name}'")
        return found

    def open_store(self, role: str, bucket: Bucket) -> Store:
        """The bucket with the secrets ``ROLE-access`` and ``ROLE-secret``."""
        access, secret = self.require_secret(f"{role}-access"), self.require_secret(f"{role}-secret")
        return self.doors.store(bucket, access=access, secret=secret)

    def open_mongodb(self, endpoint: Endpoint) -> AbstractContextManager[Server]:
        return self.doors.mongodb(endpoint, self.find_secret("mongodb"))

    def open_cache(self, endpoint: CacheEndpoint, database: int = 0) -> AbstractContextManager[Cache]:
        return self.doors.cache(endpoint, self.find_secret("redis"), database=database)


def parse_params(kind: str, shape: type[P], params: Mapping[str, object]) -> P:
    """Raises UsageError that names the fields, never their values."""
    try:
        return TypeAdapter(shape).validate_python(params)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise UsageError(f"cannot run job '{kind}': {wrong}") from None


def write_line(line: str) -> None:
    """One line to stdout, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
