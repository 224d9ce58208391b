"""Who owns a tenant: numbers that only rise.

A run first claims a number, builds under it, and at the cut-over says that it serves. A number once
claimed is burnt: a run that rolls back leaves its claim, and the next run takes a higher number.
Nothing here is ever deleted, so an old site that wakes up can always see that it is old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drp.errors import ConflictError, NotFoundError
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, find_record, put_own, render_record

ROOT: Final = "epochs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A reserved number. ``time`` RFC 3339, for people; ``digest`` that of the plan it was claimed for."""

    tenant: str
    epoch: int
    run: str
    site: str
    host: str
    actor: str
    time: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """An epoch that serves. ``since`` RFC 3339, for people."""

    tenant: str
    epoch: int
    run: str
    site: str
    host: str
    since: str


def _claim_key(tenant: str, epoch: int) -> str:
    return f"{ROOT}{check_name(tenant)}/{epoch:06d}/claim.json"


def _serving_key(tenant: str, epoch: int) -> str:
    return f"{ROOT}{check_name(tenant)}/{epoch:06d}/serving.json"


def _numbers(keys: list[str], kind: str) -> list[int]:
    """Epoch numbers that have an object of that kind, rising."""
    parts = (key.split("/") for key in keys)
    return sorted(int(part[2]) for part in parts if len(part) == 4 and part[3] == f"{kind}.json")


class EpochReader:
    """Reads the epochs. Errors: those of the store, RejectedError for an object that is not drp's."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def find_serving(self, tenant: str) -> Serving | None:
        """The epoch that serves the tenant, or None when none ever did."""
        numbers = _numbers(self._keys(tenant), "serving")
        if not numbers:
            return None
        return find_record(self._reader, Serving, _serving_key(tenant, numbers[-1]))

    def find_claim(self, tenant: str, epoch: int) -> Claim | None:
        """Who reserved the number, or None."""
        return find_record(self._reader, Claim, _claim_key(tenant, epoch))

    def next_epoch(self, tenant: str) -> int:
        """The lowest number that nobody has claimed; the first is 1."""
        return max(_numbers(self._keys(tenant), "claim"), default=0) + 1

    def tenants(self) -> tuple[str, ...]:
        """Names of all tenants that ever had an epoch, sorted."""
        return tuple(sorted({key.split("/")[1] for key in self._reader.list(ROOT)}))

    def _keys(self, tenant: str) -> list[str]:
        return self._reader.list(f"{ROOT}{check_name(tenant)}/")


class Epochs(EpochReader):
    """Claims numbers and says that they serve."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._store = store

    def claim(self, claim: Claim) -> Claim:
        """Reserve ``claim.epoch`` for ``claim.run``; the claim as it stands in the witness.

        Repeated by the same run it is no error (the first claim stays as it was written).
        Raises ConflictError naming the winner when another run has the number.
        """
        key = _claim_key(claim.tenant, claim.epoch)
        if put_own(self._store, key, render_record(claim)):
            return claim
        winner = self.require_claim(claim.tenant, claim.epoch)
        if winner.run == claim.run:
            return winner
        raise ConflictError(
            f"cannot claim epoch {claim.epoch} of '{claim.tenant}': "
            f"run '{winner.run}' of {winner.actor} claimed it at {winner.time} for {winner.site}",
            hint=f"See what that run does with `drp status {winner.run}`, then plan anew.",
            page="A5",
        )

    def serve(self, serving: Serving) -> Serving:
        """Say that the epoch serves; the record as it stands in the witness.

        Repeated by the same run it is no error. Raises NotFoundError when the number was never claimed,
        ConflictError when another run claimed it or a higher epoch already serves.
        """
        claim = self.require_claim(serving.tenant, serving.epoch)
        if claim.run != serving.run:
            raise self._refusal(serving, f"run '{claim.run}' of {claim.actor} claimed it at {claim.time}")
        self._check_newest(serving)
        key = _serving_key(serving.tenant, serving.epoch)
        if put_own(self._store, key, render_record(serving)):
            stored: Serving | None = serving
        else:
            # Only the claimant gets here: an earlier attempt of this run has put it.
            stored = find_record(self._store, Serving, key)
        # A higher one may have been put since the look above; the higher one is the truth.
        self._check_newest(serving)
        return stored or serving

    def require_claim(self, tenant: str, epoch: int) -> Claim:
        """Raises NotFoundError."""
        claim = self.find_claim(tenant, epoch)
        if claim is None:
            hint = f"See the tenant's epochs with `drp status {tenant}`."
            raise NotFoundError(f"cannot find epoch {epoch} of '{tenant}': nobody claimed it", hint=hint)
        return claim

    def _check_newest(self, serving: Serving) -> None:
        newest = self.find_serving(serving.tenant)
        if newest is not None and newest.epoch > serving.epoch:
            raise self._refusal(serving, f"epoch {newest.epoch} serves at {newest.site} since {newest.since}")

    @staticmethod
    def _refusal(serving: Serving, cause: str) -> ConflictError:
        return ConflictError(
            f"cannot open epoch {serving.epoch} of '{serving.tenant}' at {serving.site}: {cause}",
            hint=f"Do not open it by hand; see who serves with `drp status {serving.tenant}`.",
            page="H1",
        )
