"""Failures that a test orders beforehand from a fake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drp.errors import DrpError


class PowerCut(BaseException):
    """The process is no more: nothing is tidied up on the way out."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: DrpError
    after_effect: bool


class Scripted:
    """Base of the fakes: each call of a method takes the next failure ordered for it, if there is one."""

    def __init__(self) -> None:
        self._failures: dict[str, list[_Failure]] = {}
        self.calls: list[str] = []
        """Names of the methods called so far, in order."""

    def fail_next(self, method: str, error: DrpError, *, after_effect: bool = False, times: int = 1) -> None:
        """The next ``times`` calls of ``method`` raise ``error``; ``after_effect``: the work is done before.

        Raises AttributeError for a method that the fake does not have.
        """
        getattr(self, method)
        self._failures.setdefault(method, []).extend([_Failure(error, after_effect)] * times)

    @contextmanager
    def _call(self, method: str) -> Iterator[None]:
        self.calls.append(method)
        waiting = self._failures.get(method)
        failure = waiting.pop(0) if waiting else None
        if failure is not None and not failure.after_effect:
            raise failure.error
        yield
        if failure is not None:
            raise failure.error
