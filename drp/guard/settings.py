"""What a guard must know, from one file that drp puts into the host's tmpfs."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from drp.dataplane.places import Bucket
from drp.errors import UsageError
from drp.model.values import JsonMap, Secret

FILE = "guard.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """``folder`` is shared with the edge; ``peers`` are ``address:port`` of the other sites' edges."""

    host: str
    site: str
    term_s: float
    folder: Path
    peers: tuple[str, ...]
    witness: Bucket
    access: Secret
    secret: Secret
    key: Secret
    digest: str
    """SHA-256 of the file, so that a change of it is seen."""


def render_settings(plain: JsonMap, *, access: Secret, secret: Secret, key: Secret) -> Secret:
    """``plain``: host, site, term_s, folder, peers, witness {url, region, bucket}; the file's content."""
    sealed = {"access": access, "secret": secret, "key": key}
    texts: JsonMap = {
        name: base64.b64encode(value.reveal()).decode("ascii") for name, value in sealed.items()
    }
    return Secret(json.dumps({**plain, "secrets": texts}, sort_keys=True).encode())


def read_settings(path: Path) -> GuardSettings:
    """Raises UsageError."""
    try:
        content = path.read_bytes()
        data = json.loads(content)
        secrets = {name: Secret(base64.b64decode(text)) for name, text in data["secrets"].items()}
        return GuardSettings(
            host=data["host"],
            site=data["site"],
            term_s=float(data["term_s"]),
            folder=Path(data["folder"]),
            peers=tuple(data["peers"]),
            witness=Bucket(**data["witness"]),
            digest=hashlib.sha256(content).hexdigest(),
            **secrets,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        # The cause is left out: it could quote a secret.
        raise UsageError(f"cannot read the guard's settings in '{path}': {type(error).__name__}") from None
