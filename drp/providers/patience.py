"""Short patience with the other side of a port, for calls that may be repeated without harm.

The engine has its own, longer patience with whole steps; this one spares a command, a lease and a journal
a single bad moment of a store or a name server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from drp.errors import ProviderError, RateLimitedError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """At most so many ``attempts``, none begun later than ``seconds`` after the first; ``pause`` (seconds)
    is the first wait at most: waits are random, so that many clients do not come back at once."""

    attempts: int = 3
    seconds: float = 4.0
    pause: float = 0.4

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function gives; its last error when it fails each time, or in a way that will not pass."""
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.seconds),
            wait=self._wait,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, RateLimitedError):
            return error.retry_after <= self.seconds
        return isinstance(error, ProviderError) and error.transient

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, RateLimitedError) else 0.0
        return asked + float(wait_random_exponential(self.pause, max=self.seconds)(state))


USUAL: Final = Patience()
