"""Session tokens that are checked by their signature: any instance with the key accepts them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """Who it is for, its id and when it ends (Unix seconds)."""

    user: str
    id: str
    expires: int


def issue_token(session: Session, key: bytes) -> str:
    """``BODY.SIGNATURE``, both base64url."""
    words = {"user": session.user, "id": session.id, "expires": session.expires}
    body = _encode(json.dumps(words, separators=(",", ":")).encode())
    return f"{body}.{_sign(body, key)}"


def find_session(token: str, key: bytes, *, now: float | None = None) -> Session | None:
    """The session of a token, None when the signature is wrong or its time is over."""
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _sign(body, key).encode()):
        return None
    words = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    session = Session(user=words["user"], id=words["id"], expires=words["expires"])
    return session if session.expires > (time.time() if now is None else now) else None


def _sign(body: str, key: bytes) -> str:
    return _encode(hmac.new(key, body.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
