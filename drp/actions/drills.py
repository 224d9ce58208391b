"""The proof that a restored tenant works: the backup's content, accounts that log in, an API that serves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.backups import signers
from drp.actions.checks import Check
from drp.actions.content import SmokeParams, SmokeTest
from drp.actions.databases import DataAction, InstanceParams
from drp.actions.jobs import ADMIN, password
from drp.dataplane import manifest as manifests
from drp.dataplane.manifest import Manifest, Stream
from drp.dataplane.tally import render_digest
from drp.engine.tasks import Absent, Present
from drp.errors import BugError, VerificationError
from drp.model.content import CollectionContent, Readback
from drp.model.names import Instance
from drp.model.plan import canonical
from drp.model.values import Json, JsonMap
from drp.witness.proofs import Proof, ProofReader, ProofWriter

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockParams:
    """Nothing is asked."""


class ReadClock(Check):
    """The moment, kept in the journal: a drill that is taken up again counts from its own begin."""

    name: ClassVar[str] = "drill.clock"
    params = ClockParams

    def apply(self, ports: WritePorts, params: ClockParams, call: Call) -> JsonMap:
        return {"at": ports.clock.now().isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SameParams:
    """``read``, ``restored``: ids of the steps that read the databases back and that filled them."""

    tenant: str
    backup: str
    read: str
    restored: str


class CompareBackup(Check):
    """What was read back is what the backup's signed manifest says, collection by collection."""

    name: ClassVar[str] = "backup.same"
    params = SameParams

    def apply(self, ports: WritePorts, params: SameParams, call: Call) -> JsonMap:
        store = ports.store(ports.inventory.tenants[params.tenant].backup_store)
        manifest = manifests.require_manifest(store, params.tenant, params.backup, signers=signers(ports))
        found = Readback.from_json(call.inputs[params.read])
        restored = call.inputs[params.restored]
        wrong = [*differences(manifest, found, restored)]
        if wrong:
            more = f"; +{len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise VerificationError(
                f"cannot prove backup '{params.backup}' of '{params.tenant}': "
                f"{'; '.join(wrong[:_SHOWN])}{more}",
                hint=f"See which others there are with `drp backups list {params.tenant}`.",
                page="E18",
            )
        keys = _map(restored.get("redis"))
        return {**found.totals(), "keys_expired": keys.get("expired", 0), "digest": digest_of(found)}


def digest_of(found: Readback) -> str:
    """One digest for all that was read from MongoDB."""
    listed: list[Json] = [[c.namespace, c.documents, c.digest] for c in found.collections]
    return hashlib.sha256(canonical({"collections": sorted(listed, key=str)})).hexdigest()[:32]


def differences(manifest: Manifest, found: Readback, restored: JsonMap) -> Iterator[str]:
    """All that is not as the manifest says, in words. ``restored``: what the restore told."""
    doubled = _map(_map(restored.get("inexact")).get("doubled"))
    there = {content.namespace: content for content in found.collections}
    wanted = {f"{stream.database}.{stream.name}": stream for stream in manifest.collections}
    for name, stream in sorted(wanted.items()):
        yield from _compare(name, stream, there.get(name), doubled=_int(doubled.get(name, 0)))
    for name in sorted({*there} - {*wanted}):
        if there[name].documents:
            yield f"collection '{name}': not in the backup, {there[name].documents} documents read"
    yield from _compare_keys(manifest, found, restored)


def _compare(name: str, stream: Stream, found: CollectionContent | None, *, doubled: int) -> Iterator[str]:
    tally = stream.tally
    if found is None:
        yield f"collection '{name}': {tally.documents} documents in the backup, missing"
    elif found.documents != tally.documents - doubled:
        yield f"collection '{name}': {tally.documents} documents in the backup, {found.documents} read"
    elif not doubled and found.digest != render_digest(tally.digest):
        # documents may come twice out of a scan of what is written to: then only their number tells something
        yield (
            f"collection '{name}': {tally.documents} documents, but other ones: digest "
            f"{render_digest(tally.digest)[:8]} in the backup, {found.digest[:8]} read"
        )


def _compare_keys(manifest: Manifest, found: Readback, restored: JsonMap) -> Iterator[str]:
    """Keys expire while one looks: as many may be missing as are known to live for a short time only."""
    told = _map(restored.get("redis"))
    if not manifest.redis or not told:
        return
    alive, expired = _int(told.get("keys", 0)), _int(told.get("expired", 0))
    read = sum(content.keys for content in found.redis)
    brief = expired + sum(keys for content in found.redis for _, keys, _ in content.expiring)
    if read > alive or alive - read > brief:
        yield f"Redis: {alive} keys restored, {read} read"


def _map(value: Json) -> JsonMap:
    return value if isinstance(value, dict) else {}


def _int(value: Json) -> int:
    return value if isinstance(value, int) else 0


class CheckLogins(DataAction[InstanceParams]):
    """Every account that drp manages can log in with this instance's own password."""

    name: ClassVar[str] = "database.logins"
    params = InstanceParams
    job: ClassVar[str] = "check-login"

    def apply(self, ports: WritePorts, params: InstanceParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        accounts = [ADMIN, *(a.name for a in ports.inventory.tenants[instance.tenant].accounts)]
        for account in accounts:
            candidate = password(ports, instance, account)
            result = self.run(ports, params, call, more={"user": account}, secrets={"candidate": candidate})
            if result.get("accepted") is not True:
                raise VerificationError(
                    f"cannot trust '{instance}': account '{account}' cannot log in", page="I3"
                )
        return {"logins": len(accounts)}


class Transact(SmokeTest):
    """The smoke test, and the business requests that only a drill sends: what they leave is thrown away."""

    name: ClassVar[str] = "api.transact"
    params = SmokeParams

    def requests(self, ports: WritePorts, instance: Instance) -> list[Json]:
        tenant = ports.inventory.tenants[instance.tenant]
        return [*tenant.smoke, *tenant.drill]

    def apply(self, ports: WritePorts, params: SmokeParams, call: Call) -> JsonMap:
        super().apply(ports, params, call)
        return {"requests": len(self.requests(ports, Instance.parse(params.instance)))}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveParams:
    """``backup_began`` as in the manifest. The others are ids of steps: when the drill began, when the data
    were there, when the API had answered; what was compared, logged in, requested."""

    tenant: str
    site: str
    host: str
    backup: str
    backup_began: str
    began: str
    restored: str
    answered: str
    same: str
    logins: str
    requests: str


class KeepProof(Action[ProveParams]):
    """Put into the witness what the drill of a tenant showed, well or not. It is never taken back."""

    name: ClassVar[str] = "drill.prove"
    params = ProveParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: ProveParams, call: Call) -> Observation:
        witness = ports.store(ports.inventory.witness)
        found = ProofReader(witness).find(params.tenant, call.run)
        return Absent() if found is None else Present(_told(found))

    def apply(self, ports: WritePorts, params: ProveParams, call: Call) -> JsonMap:
        witness = ports.store(ports.inventory.witness)
        proof = build_proof(params, call, now=ports.clock.now())
        return _told(ProofWriter(witness).put(proof))

    def undo(self, ports: WritePorts, params: ProveParams, call: Call) -> None:
        """What was shown was shown."""


def _told(proof: Proof) -> JsonMap:
    return {
        "ok": proof.ok,
        "reason": proof.reason,
        "documents": proof.documents,
        "restored_s": proof.restored_s,
        "rto_s": proof.rto_s,
        "rpo_s": proof.rpo_s,
        **proof.figures,
    }


def build_proof(params: ProveParams, call: Call, *, now: datetime) -> Proof:
    """From the outputs of the steps before, and from why those that are missing do not hold."""
    began = _moment(call.inputs, params.began)
    answered = _moment(call.inputs, params.answered)
    same = call.inputs.get(params.same, {})
    ok = answered is not None and bool(same)
    reason = "" if ok else str(call.failures.get(params.tenant, {}).get("message", "it was not finished"))
    figures = {**same, **call.inputs.get(params.logins, {}), **call.inputs.get(params.requests, {})}
    counted = ("documents", "collections", "redis_keys", "keys_expired", "logins", "requests")
    return Proof(
        tenant=params.tenant,
        run=call.run,
        site=params.site,
        host=params.host,
        backup=params.backup,
        backup_began=params.backup_began,
        at=now.isoformat(),
        ok=ok,
        reason=reason,
        documents=_int(same.get("documents", 0)),
        digest=str(same.get("digest", "")),
        restored_s=_seconds(began, _moment(call.inputs, params.restored)),
        rto_s=_seconds(began, answered),
        rpo_s=_seconds(datetime.fromisoformat(params.backup_began), began),
        figures={name: _int(figures[name]) for name in counted if name in figures},
    )


def _moment(inputs: Mapping[str, JsonMap], step: str) -> datetime | None:
    if not step:
        raise BugError("cannot build a proof: a step is not named")
    at = inputs.get(step, {}).get("at")
    return None if at is None else datetime.fromisoformat(str(at))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())
