"""What one client may see of a run, and the proof that it belongs to the signed whole.

His name, his sites, times, what was compared: no other tenant, not even how many there are, no host, no
address, no operator, no configuration, and no text that a step wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drp.model.plan import canonical
from drp.model.values import Json, JsonMap, Secret
from drp.reports import signed
from drp.reports.model import NOT_RECORDED, Comparison, Report, TenantReport, known, render_utc
from drp.reports.tree import Path, climb, derive

KIND: Final = "drp extract"
PURPOSE: Final = "drp extract 1"
STATEMENT: Final = "drp statement 1"
"""Purpose of the signature over what the whole and every extract of it share."""

_TOLD: Final = frozenset(
    {"bytes", "collections", "documents", "indexes", "redis_keys", "requests", "users", "held_s"}
)
"""Numbers about the client's own data; others count hosts, edges or neighbours."""


def view_of(report: Report, tenant: TenantReport) -> JsonMap:
    """The client's own part."""
    return {
        "tenant": tenant.tenant,
        "run": report.run,
        "verb": report.verb,
        "status": tenant.status,
        **({"code": tenant.code} if tenant.code else {}),
        "began": render_utc(report.began),
        "ended": render_utc(report.ended),
        "from": known(tenant.source),
        "to": known(tenant.target),
        "country": known(tenant.country),
        "residency": [*tenant.residency],
        "serves": known(tenant.serves),
        "probed": known(render_utc(tenant.probed) if tenant.probed else None),
        "rto_s": known(tenant.rto_s),
        "rto_bar_s": known(tenant.rto_bar_s),
        "rpo_s": known(tenant.rpo_s),
        "rpo_bar_s": known(tenant.rpo_bar_s),
        "freeze_ms": known(None if tenant.freeze_s is None else round(tenant.freeze_s * 1000)),
        "freeze_bar_s": known(tenant.freeze_bar_s),
        "missed": [*tenant.misses],
        "stages": [
            {
                "stage": span.name,
                "began": render_utc(span.began),
                "elapsed_ms": round(span.seconds * 1000),
                "status": span.status,
            }
            for span in tenant.stages
        ],
        "content": tenant.content or NOT_RECORDED,
        "compared": [_compared(each) for each in tenant.comparisons],
        "names": "every name server that was asked agreed" if tenant.dns else NOT_RECORDED,
        "protected": "not by this run" if tenant.is_bare else bool(tenant.protection) or NOT_RECORDED,
        "mails": NOT_RECORDED,
        "erasures": NOT_RECORDED,
    }


def _compared(found: Comparison) -> JsonMap:
    return {"what": found.what, **{name: value for name, value in found.numbers.items() if name in _TOLD}}


def build_leaf(seed: bytes, report: Report, tenant: TenantReport) -> JsonMap:
    """Salted, so that nobody can try out what stands in another's leaf."""
    return {"salt": derive(seed, "leaf", tenant.tenant).hex(), "view": view_of(report, tenant)}


def write_extract(private: Secret, *, leaf: JsonMap, path: Path, statement: JsonMap, proof: JsonMap) -> bytes:
    """The client's file. ``proof``: the signature of ``statement``."""
    siblings: list[Json] = [*path.siblings]
    return signed.write(
        private,
        PURPOSE,
        {
            "kind": KIND,
            "format": 1,
            "leaf": leaf,
            "path": {"place": path.place, "siblings": siblings},
            "statement": statement,
            "proof": proof,
        },
    )


def find_damages(body: JsonMap, signature: signed.Signature, trusted: signed.Keys) -> list[str]:
    """Why an extract proves nothing; [] when all of it holds. Raises KeyError, TypeError, ValueError."""
    statement, proof, path = _map(body["statement"]), _map(body["proof"]), _map(body["path"])
    stated = signed.Signature(str(proof["key"]), str(proof["ed25519"]))
    reasons = [f"the statement: {text}" for text in signed.complain(stated, STATEMENT, statement, trusted)]
    siblings, place = path["siblings"], path["place"]
    if not isinstance(siblings, Sequence) or not isinstance(place, int):
        raise TypeError("it has no path")
    if climb(canonical(body["leaf"]), place, [str(each) for each in siblings]) != statement["root"]:
        reasons.append("what it says of the tenant does not belong to the signed report")
    return [*reasons, *signed.complain(signature, PURPOSE, body, trusted)]


def _map(value: Json) -> JsonMap:
    if not isinstance(value, dict):
        raise TypeError("a part of it is missing")
    return value
