"""What a set of documents amounts to: how many, how long, and a digest that does not know their order.

The digest is the sum of xxh3-128 of each raw document, modulo 2^128: it sees a document that is there twice
(an XOR would not), and it adds up over frames, threads and machines. It compares databases; against
tampering stand the sealed frames and the signed manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xxhash import xxh3_128_intdigest

MODULUS = 2**128


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """``order`` weighs each digest by its document's place (from 1): for capped collections, else 0."""

    documents: int = 0
    bytes: int = 0
    digest: int = 0
    order: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            documents=self.documents + other.documents,
            bytes=self.bytes + other.bytes,
            digest=(self.digest + other.digest) % MODULUS,
            order=(self.order + other.order) % MODULUS,
        )


EMPTY = Tally()


def tally_documents(documents: Sequence[bytes | memoryview]) -> Tally:
    """Counts and digest, blind to order."""
    digest = sum(map(xxh3_128_intdigest, documents)) % MODULUS
    return Tally(documents=len(documents), bytes=sum(map(len, documents)), digest=digest)


def tally_in_order(documents: Sequence[bytes | memoryview], before: int) -> Tally:
    """Counts, digest and order digest of documents that come after ``before`` others."""
    digests = [xxh3_128_intdigest(document) for document in documents]
    order = sum(place * digest for place, digest in enumerate(digests, before + 1)) % MODULUS
    return Tally(
        documents=len(documents),
        bytes=sum(map(len, documents)),
        digest=sum(digests) % MODULUS,
        order=order,
    )


def render_digest(digest: int) -> str:
    """32 hex digits."""
    return f"{digest:032x}"


def parse_digest(text: str) -> int:
    """Raises ValueError."""
    return int(text, 16)
