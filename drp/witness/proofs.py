"""Proofs that a tenant can be restored: one object for each drill of a tenant, put once, never deleted.

    proofs/TENANT/RUN.json

A drill that failed leaves one as well: not knowing is no better than knowing that it does not work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, find_record, put_own, render_record

ROOT: Final = "proofs/"
_ENDING: Final = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a drill of one tenant showed. ``at`` and ``backup_began`` RFC 3339 in UTC; ``reason`` why not ok.

    ``documents`` and ``digest`` are of the content that was read back (0 and "" when nothing was);
    ``restored_s`` seconds until the data were there, ``rto_s`` until the API had proven its function (None:
    it did not come so far), ``rpo_s`` the age of the backup when the drill began. ``figures``: numbers for
    people (logins, requests, keys).
    """

    tenant: str
    run: str
    site: str
    host: str
    backup: str
    backup_began: str
    at: str
    ok: bool
    reason: str = ""
    documents: int = 0
    digest: str = ""
    restored_s: float | None = None
    rto_s: float | None = None
    rpo_s: float | None = None
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def moment(self) -> datetime:
        """``at`` as a time."""
        return datetime.fromisoformat(self.at)


def proof_key(tenant: str, run: str) -> str:
    return f"{ROOT}{check_name(tenant)}/{check_name(run)}{_ENDING}"


class ProofReader:
    """Reads proofs. Errors: those of the store, RejectedError."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def find(self, tenant: str, run: str) -> Proof | None:
        """That of one run."""
        return find_record(self._reader, Proof, proof_key(tenant, run))

    def iter(self, tenant: str) -> Iterator[Proof]:
        """All proofs of the tenant, the newest first."""
        keys = self._reader.list(f"{ROOT}{check_name(tenant)}/")
        found = [proof for key in keys if (proof := find_record(self._reader, Proof, key)) is not None]
        yield from sorted(found, key=lambda proof: (proof.moment, proof.run), reverse=True)

    def find_newest(self, tenant: str) -> Proof | None:
        """How the last drill of the tenant ended, well or not; None when there was none."""
        return next(self.iter(tenant), None)

    def find_newest_good(self, tenant: str) -> Proof | None:
        """The last drill that ended well."""
        return next((proof for proof in self.iter(tenant) if proof.ok), None)


class ProofWriter(ProofReader):
    """Puts proofs."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._store = store

    def put(self, proof: Proof) -> Proof:
        """The proof of that tenant and run as it stands: a run that puts it again gets its first."""
        key = proof_key(proof.tenant, proof.run)
        if put_own(self._store, key, render_record(proof)):
            return proof
        return self.find(proof.tenant, proof.run) or proof
