"""The signed list of a bundle's files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from drp.dataplane import keys
from drp.dataplane.canonical import render_canonical
from drp.errors import VerificationError
from drp.model.values import Json, JsonMap, Secret

MANIFEST: Final = "MANIFEST.json"
_PURPOSE: Final = "drp bundle 1"
_PART: Final = 2**20


def hash_file(path: Path) -> str:
    """SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(_PART):
            digest.update(part)
    return digest.hexdigest()


def list_files(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256 of all files but the list itself."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: hash_file(path) for name, path in named.items() if name != MANIFEST}


def sign_list(body: JsonMap, site: str, signing: Secret) -> bytes:
    """The list as it is written."""
    signature = keys.sign(signing, _PURPOSE, render_canonical(body))
    return render_canonical(
        {"body": body, "signature": {"site": site, "ed25519": base64.b64encode(signature).decode("ascii")}}
    )


def read_list(content: bytes, signers: Mapping[str, str]) -> JsonMap:
    """``signers``: site -> base64 of its public key. Raises VerificationError for a forged or broken list."""
    try:
        whole = json.loads(content)
        body, signature = whole["body"], whole["signature"]
        public = base64.b64decode(signers[str(signature["site"])], validate=True)
        raw = base64.b64decode(str(signature["ed25519"]), validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise VerificationError(
            "cannot trust the bundle: its list is broken or signed by nobody known"
        ) from error
    keys.verify(public, _PURPOSE, message=render_canonical(body), signature=raw)
    found: JsonMap = body
    return found


def iter_damages(folder: Path, wanted: Mapping[str, Json]) -> Iterator[str]:
    """What is missing, altered, or there though it is not listed."""
    found = list_files(folder)
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} is not in the signed list"
        elif found[name] != wanted[name]:
            yield f"{name} is not what was signed"
