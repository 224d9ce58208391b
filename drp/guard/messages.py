"""How guards speak to each other: JSON, sealed with their common key, each answer bound to its question."""

from __future__ import annotations

import json
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from drp.errors import RejectedError
from drp.model.values import JsonMap, Secret

_NONCE: Final = 12
"""Bytes of a GCM nonce (NIST SP 800-38D 8.2); random, so one key may seal 2^32 messages."""


class Envelope:
    """AES-256-GCM; the key is derived, so a secret of any length does."""

    def __init__(self, key: Secret) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"drp/1 | guards").derive(key.reveal())
        self._cipher = AESGCM(derived)

    def seal(self, message: JsonMap, *, bound_to: bytes) -> bytes:
        """``bound_to`` is not sent; who opens it must know it."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, json.dumps(message).encode(), bound_to)

    def open(self, content: bytes, *, bound_to: bytes) -> JsonMap:
        """Raises RejectedError for what another key sealed, or to another purpose."""
        try:
            found = json.loads(self._cipher.decrypt(content[:_NONCE], content[_NONCE:], bound_to))
        except (InvalidTag, ValueError) as error:
            raise RejectedError("cannot open a guard's message: it was not sealed for this") from error
        if not isinstance(found, dict):
            raise RejectedError("cannot open a guard's message: it holds no map")
        return found
