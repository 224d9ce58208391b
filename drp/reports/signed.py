"""Files of which every byte counts: canonical JSON, signed with the Ed25519 key of a site.

``{"body": …, "ed25519": hex, "key": id}``; the key's id is the begin of its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drp.dataplane import keys
from drp.errors import VerificationError
from drp.model.plan import canonical
from drp.model.values import Json, JsonMap, Secret

ID_LENGTH: Final = 16

Keys = Mapping[str, bytes]
"""Id -> public key: those that are trusted."""


@dataclass(frozen=True, slots=True)
class Signature:
    """``value`` in hexadecimal, lower case."""

    key: str
    value: str

    def to_json(self) -> JsonMap:
        return {"key": self.key, "ed25519": self.value}


def id_of(public: bytes) -> str:
    """Names a public key."""
    return hashlib.sha256(b"drp signing key\0" + public).hexdigest()[:ID_LENGTH]


def sign(private: Secret, purpose: str, value: Json) -> Signature:
    signature = keys.sign(private, purpose, canonical(value))
    return Signature(id_of(keys.public_of(private)), signature.hex())


def write(private: Secret, purpose: str, body: JsonMap) -> bytes:
    """The whole file."""
    return canonical({"body": body, **sign(private, purpose, body).to_json()})


def read(content: bytes) -> tuple[JsonMap, Signature, list[str]]:
    """Body, signature, and what is wrong with the spelling. Raises VerificationError: no such file."""
    try:
        whole = json.loads(content)
        body, signature = whole["body"], Signature(str(whole["key"]), str(whole["ed25519"]))
        spelled = canonical({"body": body, **signature.to_json()})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise VerificationError(f"cannot read it: {_first_line(error)}") from error
    if not isinstance(body, dict):
        raise VerificationError("cannot read it: it has no body")
    return (
        body,
        signature,
        [] if spelled == content else [f"byte {_differ(content, spelled)} is not as drp writes it"],
    )


def complain(signature: Signature, purpose: str, value: Json, trusted: Keys) -> list[str]:
    """Why a signature proves nothing; [] when it holds."""
    public = trusted.get(signature.key)
    if public is None:
        return [f"it is signed with key {signature.key}, which is not known here"]
    try:
        raw = bytes.fromhex(signature.value)
        if raw.hex() != signature.value:
            return ["the signature is not spelled as drp writes it"]
        keys.verify(public, purpose, message=canonical(value), signature=raw)
    except (ValueError, VerificationError):
        return [f"the signature of key {signature.key} does not fit"]
    return []


def _differ(left: bytes, right: bytes) -> int:
    pairs = zip(left, right, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _first_line(error: Exception) -> str:
    return f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
