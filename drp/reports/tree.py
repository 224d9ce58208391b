"""A hash tree of fixed depth: one leaf can be shown to belong to it without a word on the others.

Leaves lie at places drawn from a secret seed, and where there is none a hash drawn from it stands in: a path
tells neither how many leaves there are nor which of its neighbours are real. Hashes are SHA-256, leaves and
inner nodes kept apart by their first byte as in RFC 9162.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Path:
    """``place``: where the leaf lies; ``siblings``: hashes beside the way up, the lowest first."""

    place: int
    siblings: tuple[str, ...]


def derive(seed: bytes, *words: str | int) -> bytes:
    """32 bytes that only the seed gives."""
    return hmac.new(seed, "\0".join(map(str, words)).encode(), hashlib.sha256).digest()


class Tree:
    """``leaves``: name -> bytes. At most a few ten thousand: places are drawn by chance."""

    def __init__(self, seed: bytes, leaves: Mapping[str, bytes]) -> None:
        self._seed = seed
        self._places: dict[str, int] = {}
        level: dict[int, bytes] = {}
        for name in sorted(leaves):
            place = int.from_bytes(derive(seed, "place", name)[:4], "big") % 2**DEPTH
            while place in level:
                place = (place + 1) % 2**DEPTH
            self._places[name] = place
            level[place] = hash_leaf(leaves[name])
        self._levels = [level]
        for height in range(DEPTH):
            level = {
                place // 2: _hash_pair(self._at(height, place & ~1), self._at(height, place | 1))
                for place in self._levels[height]
            }
            self._levels.append(level)

    @property
    def root(self) -> str:
        return self._at(DEPTH, 0).hex()

    def path(self, name: str) -> Path:
        """Raises KeyError."""
        place = self._places[name]
        siblings = (self._at(height, (place >> height) ^ 1).hex() for height in range(DEPTH))
        return Path(place, tuple(siblings))

    def _at(self, height: int, place: int) -> bytes:
        found = self._levels[height].get(place)
        return derive(self._seed, "nobody", height, place) if found is None else found


def hash_leaf(content: bytes) -> bytes:
    return hashlib.sha256(b"\0" + content).digest()


def climb(content: bytes, place: int, siblings: Sequence[str]) -> str:
    """The root that a leaf and its path lead to. Raises ValueError for what is no hash."""
    node = hash_leaf(content)
    for height, sibling in enumerate(siblings):
        other = bytes.fromhex(sibling)
        node = _hash_pair(other, node) if place >> height & 1 else _hash_pair(node, other)
    return node.hex()


def _hash_pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
