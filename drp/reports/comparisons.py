"""What steps found, as numbers: never what a document holds, never a name of something inside a database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from drp.model.plan import Step, canonical
from drp.model.values import JsonMap
from drp.reports.facts import map_of, number_of
from drp.reports.model import Comparison

_WORDS: Final[Mapping[str, str]] = {
    "content.equal": "both databases were read back and are equal",
    "isolation.prove": "reachability was tried from every side; what must be closed is closed",
    "backup.take": "a backup was taken",
    "backup.restore": "a backup was restored and every digest held against its manifest",
    "backup.check": "the new backup was read again from the store",
    "api.smoke": "requests went through the new API",
    "database.quiet": "nobody else was writing",
    "check.freeze": "writes had been held so long when the switch came",
    "fence.wait": "the lost site was waited out",
    "dns.switch-all": "names were switched",
    "edge.serves": "an edge led a request to the new place",
    "edge.forwards": "another edge handed requests on to the new place",
    "edge.handshake": "an edge showed the tenant's certificate",
    "dns.agreed": "name servers agreed",
    "tenant.move": "a move of its own; both databases were read back and are equal",
    "backup.same": "what came back was read again and is what the backup holds",
    "database.logins": "accounts logged in",
    "api.transact": "requests wrote and read through the restored API",
    "drill.prove": "the drill's proof",
    "bubble.alone": "nothing but the bubble was in its networks",
    "bubble.gone": "nothing is left of the bubble",
}
"""Action -> what it means that it ended well. Others are work, not proof."""

_NUMBERS: Final = frozenset(
    {
        "bytes", "cells", "closed", "collections", "documents", "held_s", "indexes", "open", "redis_keys",
        "requests", "sealed_bytes", "switched", "users", "waited_s", "rto_s", "rpo_s", "logins", "orders",
    }
)  # fmt: skip


def is_proof(step: Step, outputs: JsonMap) -> bool:
    """Whether it says something about the outcome; a proof that says no is told by who did not end well."""
    return step.action in _WORDS and outputs.get("ok") is not False


def compare_steps(found: Iterable[tuple[Step, JsonMap]]) -> tuple[Comparison, ...]:
    """Of steps that hold, with their outputs; those of one action without any number are counted together."""
    plain: dict[str, list[str]] = {}
    told: list[Comparison] = []
    for step, outputs in found:
        numbers = _numbers(outputs)
        if numbers:
            told.append(Comparison(step=step.id, what=_what(step.action), numbers=numbers))
        else:
            plain.setdefault(step.action, []).append(step.id)
    counted = [
        Comparison(step=steps[0], what=_what(action), numbers={"times": len(steps)})
        for action, steps in plain.items()
    ]
    return (*told, *counted)


def _what(action: str) -> str:
    return _WORDS[action]


def _numbers(outputs: JsonMap) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for name, value in [*outputs.items(), *map_of(outputs.get("content")).items()]:
        if name in _NUMBERS and isinstance(value, int | float):
            found[name] = value
        elif name == "collections" and isinstance(value, list):
            found[name] = len(value)
    return found


def describe_content(found: Iterable[tuple[Step, JsonMap]]) -> JsonMap:
    """``documents``, ``digest`` of what both sides held, ``equal``; {} when nothing was compared."""
    pairs = [*found]
    reads = [_digest(outputs) for step, outputs in pairs if step.action == "content.read"]
    for step, outputs in pairs:
        if step.action == "content.equal":
            return {
                "documents": outputs.get("documents", 0),
                "equal": True,
                **({"digest": reads[-1]} if reads else {}),
            }
    for step, outputs in pairs:
        if content := map_of(outputs.get("content")):
            return {"documents": content.get("documents", 0), "equal": True}
        if step.action == "backup.restore":
            return {
                "documents": outputs.get("documents", 0),
                "equal": "to its manifest",
                "digest": outputs.get("manifest_sha256") or "",
            }
    return {}


def _digest(outputs: JsonMap) -> str:
    """One number for the digests of all collections: names and contents do not show in it."""
    return hashlib.sha256(canonical(outputs.get("collections", []))).hexdigest()


def find_freeze(found: Iterable[tuple[Step, JsonMap]]) -> float | None:
    """Seconds from the first hold to the last release; None unless both were recorded."""
    held: list[datetime] = []
    released: list[datetime] = []
    for step, outputs in found:
        if (milliseconds := number_of(outputs.get("freeze_ms"))) is not None:
            return milliseconds / 1000
        for action, name, moments in (
            ("edge.hold", "held_at", held),
            ("edge.release", "released_at", released),
        ):
            text = outputs.get(name)
            if step.action == action and isinstance(text, str):
                moments.append(datetime.fromisoformat(text))
    return (max(released) - min(held)).total_seconds() if held and released else None


def find_dns(found: Iterable[tuple[Step, JsonMap]]) -> dict[str, tuple[str, ...]]:
    """Server -> what it answered at the end."""
    answers: dict[str, tuple[str, ...]] = {}
    for step, outputs in found:
        servers = outputs.get("servers")
        if step.action == "dns.agreed" and isinstance(servers, dict):
            for server, values in servers.items():
                answers[server] = (
                    tuple(str(v) for v in values) if isinstance(values, list) else (str(values),)
                )
    return answers
