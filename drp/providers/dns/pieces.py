"""Many changes in as few calls as possible, when a call is done as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from drp.errors import ConflictError, ProviderError, RejectedError
from drp.ports.dns import Change, RecordSet

T = TypeVar("T")

_REFUSALS: Final = 40
"""Of one set of changes: when nearly all of them are refused, looking for each is not worth its calls."""


def _count_one(item: object) -> int:  # noqa: ARG001 - any item weighs the same
    return 1


class Pieces(Generic[T]):
    """Sends items in pieces of at most ``most`` (by ``weigh``); a piece that is refused is halved, until
    what is to blame stands alone. After many refusals the rest of a piece is left alone with it."""

    def __init__(
        self, send: Callable[[Sequence[T]], None], *, most: int, weigh: Callable[[T], int] = _count_one
    ) -> None:
        self._send = send
        self._most = most
        self._weigh = weigh
        self._left = _REFUSALS

    def send_all(self, items: Sequence[T]) -> list[ProviderError | None]:
        """None for each item that was taken, or why not. Raises what is no refusal, as soon as it comes."""
        return [result for piece in self._cut(items) for result in self._try(piece)]

    def _cut(self, items: Sequence[T]) -> Iterator[list[T]]:
        piece: list[T] = []
        weight = 0
        for item in items:
            if piece and weight + self._weigh(item) > self._most:
                yield piece
                piece, weight = [], 0
            piece.append(item)
            weight += self._weigh(item)
        if piece:
            yield piece

    def _try(self, piece: Sequence[T]) -> list[ProviderError | None]:
        try:
            self._send(piece)
        except (ConflictError, RejectedError) as refusal:
            self._left -= 1
            if len(piece) == 1 or self._left < 0:
                return [refusal] * len(piece)
        else:
            return [None] * len(piece)
        middle = len(piece) // 2
        return [*self._try(piece[:middle]), *self._try(piece[middle:])]


def name_of(change: Change) -> str:
    """Whose records a change is about; "" when it is about none."""
    old, new = change
    return next((each.name for each in (new, old) if each is not None), "")


def describe(changes: Sequence[Change]) -> str:
    """How an error about these changes begins."""
    others = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"cannot change '{name_of(changes[0])}'{others}"


def read_back(
    changes: Sequence[Change],
    results: Sequence[ProviderError | None],
    find_all: Callable[[Sequence[tuple[str, str]]], Sequence[RecordSet | None]],
    normalise: Callable[[RecordSet], RecordSet],
) -> list[ProviderError | None]:
    """What the other side says is done is believed when it is seen: the results, with what was not."""
    done = [at for at, result in enumerate(results) if result is None]
    asked: list[tuple[int, str, RecordSet | None, tuple[str, str]]] = []
    for at in done:
        old, new = changes[at]
        if new is not None:
            said = "but answers something else"
            asked.append((at, said, normalise(new), (new.name, new.type)))
        moved = new is None or (old is not None and (old.name, old.type) != (new.name, new.type))
        if old is not None and moved:
            asked.append((at, "but the old records are still there", None, (old.name, old.type)))
    found = find_all([question for *_, question in asked])
    seen = list(results)
    for (at, said, wanted, _), there in zip(asked, found, strict=True):
        if there != wanted and seen[at] is None:
            what = describe([changes[at]])
            seen[at] = ConflictError(f"{what}: the server took the change, {said}")
    return seen
