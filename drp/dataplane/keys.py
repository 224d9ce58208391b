"""Who can open a backup, and who vouches for it.

Each attempt at a backup has a random data key. The writer seals it to the tenant's public key (HPKE,
ML-KEM-768 with X25519, so that a stolen backup outlives either), puts the sealed block apart from the
data and forgets the key: with all it ever got as input it cannot open what was written before. The
private half stays with the control plane, which opens one block for one restore. Manifests are signed
with the Ed25519 key of the site that wrote them, so that a reader cannot forge one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from drp.dataplane.canonical import render_canonical
from drp.errors import DeniedError, RejectedError, VerificationError
from drp.model.values import JsonMap, Secret

BLOCK_FORMAT = 1
SUITE_NAME = "MLKEM768-X25519/HKDF-SHA256/AES-256-GCM"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SEED_BYTES = 64  # FIPS 203: an ML-KEM private key is kept as its seed d || z
_PUBLIC_BYTES = 1184  # FIPS 203: encapsulation key of ML-KEM-768
_X25519_BYTES = 32
DATA_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupKeypair:
    """Of one tenant: ``public`` goes to writers, ``private`` only into the sealed store of the operator."""

    public: bytes
    private: Secret

    @property
    def key_id(self) -> str:
        return build_key_id(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeypair:
    """Of one site: 32 raw bytes each (Ed25519)."""

    public: bytes
    private: Secret


def new_backup_keypair() -> BackupKeypair:
    """A fresh key pair for one tenant's backups."""
    mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return BackupKeypair(
        public=public, private=Secret(mlkem.private_bytes_raw() + x25519.private_bytes_raw())
    )


def new_signing_keypair() -> SigningKeypair:
    """A fresh signing key for one site."""
    key = Ed25519PrivateKey.generate()
    return SigningKeypair(public=key.public_key().public_bytes_raw(), private=Secret(key.private_bytes_raw()))


def new_data_key() -> Secret:
    """256 random bits for the frames of one attempt."""
    return Secret(secrets.token_bytes(DATA_KEY_BYTES))


def build_key_id(public: bytes) -> str:
    """16 hex digits that name a public key."""
    return hashlib.sha256(b"drp backup key\0" + public).hexdigest()[:16]


def build_check_value(data_key: Secret) -> str:
    """Tells a wrong data key at once, without telling the key."""
    return hmac.new(data_key.reveal(), b"drp check value", hashlib.sha256).hexdigest()[:16]


def seal_data_key(public: bytes, data_key: Secret, *, tenant: str, attempt: str) -> bytes:
    """The key block (canonical JSON, about 2 kB) that only the private half of ``public`` opens.

    Tenant and attempt go into the HPKE ``info``: under other names the block does not open.
    Raises RejectedError when ``public`` is no backup key.
    """
    sealed = _SUITE.encrypt(data_key.reveal(), _load_public(public), _build_info(tenant, attempt))
    return render_canonical(
        {
            "format": BLOCK_FORMAT,
            "suite": SUITE_NAME,
            "key_id": build_key_id(public),
            "tenant": tenant,
            "attempt": attempt,
            "check": build_check_value(data_key),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        }
    )


def open_data_key(private: Secret, block: bytes, *, tenant: str, attempt: str) -> Secret:
    """The data key in a key block.

    Raises RejectedError for what is no block of this attempt, DeniedError when ``private`` does not open it.
    """
    fields = _parse_block(block)
    owner = f"{fields['tenant']}/{fields['attempt']}"
    if owner != f"{tenant}/{attempt}":
        raise RejectedError(f"cannot open key block '{tenant}/{attempt}': it belongs to '{owner}'")
    sealed = base64.b64decode(str(fields["sealed"]))
    try:
        opened = Secret(_SUITE.decrypt(sealed, _load_private(private), _build_info(tenant, attempt)))
    except (InvalidTag, ValueError) as error:
        cause = f"it is sealed to key {fields['key_id']}, the given private key does not open it"
        raise DeniedError(f"cannot open key block '{owner}': {cause}") from error
    if not hmac.compare_digest(build_check_value(opened), str(fields["check"])):
        raise RejectedError(f"cannot open key block '{owner}': its check value differs")
    return opened


def find_key_id(block: bytes) -> str:
    """Which backup key opens a block. Raises RejectedError when it is no key block."""
    return str(_parse_block(block)["key_id"])


def sign(private: Secret, purpose: str, message: bytes) -> bytes:
    """64 bytes of Ed25519 over purpose and message; a signature for one purpose fits no other."""
    key = Ed25519PrivateKey.from_private_bytes(private.reveal())
    return key.sign(purpose.encode() + b"\0" + message)


def verify(public: bytes, purpose: str, *, message: bytes, signature: bytes) -> None:
    """Raises VerificationError when the signature does not fit."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, purpose.encode() + b"\0" + message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationError(f"cannot trust the {purpose}: its signature does not fit") from error


def public_of(private: Secret) -> bytes:
    """The public half of a signing key."""
    return Ed25519PrivateKey.from_private_bytes(private.reveal()).public_key().public_bytes_raw()


def _load_public(raw: bytes) -> MLKEM768X25519PublicKey:
    if len(raw) != _PUBLIC_BYTES + _X25519_BYTES:
        raise RejectedError(f"cannot use the backup key: it has {len(raw)} bytes instead of 1216")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_PUBLIC_BYTES])
    except ValueError as error:
        raise RejectedError(f"cannot use the backup key: {error}") from error
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(raw[_PUBLIC_BYTES:]))


def _load_private(private: Secret) -> MLKEM768X25519PrivateKey:
    raw = private.reveal()
    if len(raw) != _SEED_BYTES + _X25519_BYTES:
        raise RejectedError(f"cannot use the private backup key: it has {len(raw)} bytes instead of 96")
    mlkem = MLKEM768PrivateKey.from_seed_bytes(raw[:_SEED_BYTES])
    return MLKEM768X25519PrivateKey(mlkem, X25519PrivateKey.from_private_bytes(raw[_SEED_BYTES:]))


def _build_info(tenant: str, attempt: str) -> bytes:
    return b"drp data key 1\0" + render_canonical({"tenant": tenant, "attempt": attempt})


def _parse_block(block: bytes) -> JsonMap:
    try:
        fields: JsonMap = json.loads(block)
        version, suite = fields["format"], fields["suite"]
    except (ValueError, KeyError, TypeError) as error:
        raise RejectedError("cannot read the key block: it is not one") from error
    if version != BLOCK_FORMAT or suite != SUITE_NAME:
        raise RejectedError(
            f"cannot read the key block: format {version} with {suite} is not known here",
            hint="Use a newer drp for this backup.",
        )
    missing = {"tenant", "attempt", "key_id", "check", "sealed"} - fields.keys()
    if missing:
        raise RejectedError(f"cannot read the key block: it lacks {', '.join(sorted(missing))}")
    return fields
