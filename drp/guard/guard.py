"""One guard: asks who has taken over, fences what was taken, and moves the edge's permission on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from drp.errors import DrpError
from drp.guard.clock import GuardClock
from drp.guard.lease import Answers, Taken, find_stale, renew

_STEP_S: Final = 0.05
"""A clock that moves more than this against the one that only runs was set."""

log = logging.getLogger(__name__)


class Edge(Protocol):
    """What a guard does with its edge (``proxy``)."""

    def owners(self) -> dict[str, tuple[str, int]]: ...

    def fence(self, names: Sequence[str]) -> None: ...

    def permit(self, until_ms: int) -> None: ...


class Asked:
    """One of those that are asked. While an earlier question hangs, it is not asked again."""

    def __init__(self, ask: Callable[[], Taken]) -> None:
        self._ask = ask
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ask")
        self._under_way: Future[Taken] | None = None

    def begin(self) -> Future[Taken] | None:
        """None: it still owes the answer to an earlier question, which would prove too little now."""
        if self._under_way is not None and not self._under_way.done():
            return None
        self._under_way = self._pool.submit(self._ask)
        return self._under_way


class Guard:
    """``turn`` renews, ``watch`` corrects; one thread calls both."""

    def __init__(
        self,
        edge: Edge,
        *,
        witness: Callable[[], Taken],
        peers: Sequence[Callable[[], Taken]],
        clock: GuardClock,
        term_s: float,
    ) -> None:
        """``witness`` and each of ``peers`` say who is taken over, or raise DrpError."""
        self._edge = edge
        self._asked = [Asked(call) for call in (witness, *peers)]
        self._clock = clock
        self._term_s = term_s
        self._until: float | None = None
        self._offset = clock.wall() - clock.running()

    def turn(self) -> bool:
        """Ask, fence, permit. True: the permission was moved on. Raises what the edge raises."""
        began = self._clock.running()
        found = renew(began, self._ask(), guards=len(self._asked) - 1, term_s=self._term_s)
        if found.until is None:
            return False
        owners = self._edge.owners()
        nameless = [name for name, (tenant, _) in owners.items() if not tenant]
        self._edge.fence(sorted({*find_stale(owners, found.taken), *nameless}))
        self._until = found.until
        self._permit()
        return True

    def watch(self) -> bool:
        """True: the host's clock was set, and the permission was put right."""
        moved = self._clock.wall() - self._clock.running() - self._offset
        if abs(moved) <= _STEP_S:
            return False
        log.warning("the clock was set by %+.3f s", moved)
        if self._until is not None:
            self._permit()
        return True

    def _permit(self) -> None:
        assert self._until is not None
        self._offset = self._clock.wall() - self._clock.running()
        self._edge.permit(int((self._until + self._offset) * 1000))

    def _ask(self) -> Answers:
        """All at once, for at most a third of the term: what answers later counts for nothing."""
        ends = time.monotonic() + self._term_s / 3
        answers = [self._take(each, ends) for each in [asked.begin() for asked in self._asked]]
        peers = {str(number): taken for number, taken in enumerate(answers[1:]) if taken is not None}
        return Answers(witness=answers[0], peers=peers)

    @staticmethod
    def _take(asked: Future[Taken] | None, ends: float) -> Taken | None:
        if asked is None:
            return None
        try:
            return asked.result(max(0.0, ends - time.monotonic()))
        except TimeoutError:
            return None
        except DrpError as error:
            log.info("%s", error.message)
            return None
