"""The sealed file: all secrets of the company in one file in the age format.

age is a public format: at 3 a.m. ``age --decrypt`` opens the file without drp. Recipients are age keys
and the operators' own SSH keys (RSA or Ed25519), or it is locked with one passphrase. Inside is JSON:

    {"version": 7, "recipients": ["age1…"], "secrets": {"acme.root": {"class": "keep", "value": "base64"}}}

``version`` rises with each writing, so that an older file put in its place can be noticed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, get_args

import pyrage

from drp.errors import RefusedError, RejectedError, UsageError
from drp.model.inventory import SecretClass
from drp.model.values import Secret

_HEADER: Final = b"age-encryption.org/v1\n"
_AGE_KEY: Final = "AGE-SECRET-KEY-"
_ROTATIONS: Final[Mapping[str, SecretClass]] = {name: name for name in get_args(SecretClass)}
_NO_KEY_FITS: Final = "No matching keys found"
_WRONG_PASSPHRASE: Final = "Decryption failed"
_RESTORE: Final = "Take the file back from version control or from another operator."


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntry:
    """One secret. ``rotation``: fresh at each instance, overlap (old and new both hold a while), keep."""

    value: Secret
    rotation: SecretClass = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedContent:
    """What is in the file. ``recipients`` public keys (age1…, ssh-…); none: locked with a passphrase."""

    version: int = 0
    recipients: tuple[str, ...] = ()
    entries: Mapping[str, SealedEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What opens and locks a file without recipients."""

    text: Secret


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key: text of an age identity file, or an unencrypted OpenSSH key. It opens only."""

    text: Secret


Key: TypeAlias = Passphrase | Identity


def is_passphrase_locked(sealed: bytes) -> bool:
    """True for a file that was locked with a passphrase, as its header says."""
    return sealed.startswith(_HEADER + b"-> scrypt ")


def new_identity() -> tuple[Secret, str]:
    """A new age key: the private line (``AGE-SECRET-KEY-…``) and its recipient (``age1…``)."""
    identity = pyrage.x25519.Identity.generate()
    return Secret(str(identity).encode()), str(identity.to_public())


def seal(content: SealedContent, passphrase: Passphrase | None = None) -> bytes:
    """Content -> age file, for ``content.recipients``, or locked with the passphrase when there are none.

    Raises UsageError for an unknown kind of recipient or when there is nothing to lock with.
    """
    clear = _render(content)
    if content.recipients:
        sealed: bytes = pyrage.encrypt(clear, [_parse_recipient(text) for text in content.recipients])
        return sealed
    if passphrase is None:
        raise UsageError("cannot seal the secrets: neither a recipient nor a passphrase is given")
    locked: bytes = pyrage.passphrase.encrypt(clear, passphrase.text.reveal().decode())
    return locked


def open_sealed(sealed: bytes, key: Key, *, shown: str) -> SealedContent:
    """age file -> content; ``shown`` is the file's name in messages.

    Raises RefusedError when the key does not fit, RejectedError when the file is damaged or not drp's.
    """
    try:
        clear = _decrypt(sealed, key, shown)
    except pyrage.DecryptError as error:
        raise _translate(error, key, shown) from error
    return _parse(clear, shown)


def _decrypt(sealed: bytes, key: Key, shown: str) -> bytes:
    if is_passphrase_locked(sealed) != isinstance(key, Passphrase):
        needed = "an identity" if isinstance(key, Passphrase) else "a passphrase"
        raise RefusedError(
            f"cannot open '{shown}': it is locked with {needed}, not with what was given",
            hint="Name the identity file with `--key-file`." if needed == "an identity" else "",
        )
    if isinstance(key, Passphrase):
        locked: bytes = pyrage.passphrase.decrypt(sealed, key.text.reveal().decode())
        return locked
    clear: bytes = pyrage.decrypt(sealed, _parse_identities(key, shown))
    return clear


def _translate(error: Exception, key: Key, shown: str) -> RefusedError | RejectedError:
    cause = str(error)
    if cause == _NO_KEY_FITS:
        return RefusedError(
            f"cannot open '{shown}': this key is not among those it was sealed for",
            hint="Name another identity file with `--key-file`, or ask an operator who can open it.",
            page="I1",
        )
    if cause == _WRONG_PASSPHRASE and isinstance(key, Passphrase):
        return RefusedError(f"cannot open '{shown}': wrong passphrase", hint="Run the command again.")
    return RejectedError(f"cannot open '{shown}': it is damaged ({cause})", hint=_RESTORE)


def _parse_identities(key: Identity, shown: str) -> list[Any]:
    text = key.text.reveal()
    try:
        if b"-----BEGIN" in text:
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode("ascii").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(_AGE_KEY)]
    except (pyrage.IdentityError, UnicodeDecodeError):
        # A decoding error holds what it could not decode.
        raise _bad_identity(shown, "the key file holds none that can be read") from None
    if not found:
        raise _bad_identity(shown, "the key file holds neither an age identity nor an SSH key")
    return found


def _bad_identity(shown: str, cause: str) -> RefusedError:
    hint = "An SSH key with a passphrase must be opened first; `age-keygen` makes one without."
    return RefusedError(f"cannot open '{shown}': {cause}", hint=hint)


def _parse_recipient(text: str) -> Any:
    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text)
    except pyrage.RecipientError as error:
        message = f"cannot seal for '{text[:20]}…': it is not a public age, RSA or Ed25519 SSH key"
        raise UsageError(message) from error


def _render(content: SealedContent) -> bytes:
    secrets = {
        name: {"class": entry.rotation, "value": base64.b64encode(entry.value.reveal()).decode()}
        for name, entry in sorted(content.entries.items())
    }
    listed = {"version": content.version, "recipients": list(content.recipients), "secrets": secrets}
    return json.dumps(listed, indent=1).encode()


def _parse(clear: bytes, shown: str) -> SealedContent:
    # The cause is kept out of the message and of the chain: it would show what was read.
    try:
        data = json.loads(clear)
        return SealedContent(
            version=int(data["version"]),
            recipients=tuple(str(text) for text in data.get("recipients", [])),
            entries={str(name): _parse_entry(entry) for name, entry in data["secrets"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise RejectedError(f"cannot open '{shown}': inside is not what drp seals", hint=_RESTORE) from None


def _parse_entry(entry: Mapping[str, str]) -> SealedEntry:
    value = Secret(base64.b64decode(entry["value"], validate=True))
    return SealedEntry(value=value, rotation=_ROTATIONS[entry["class"]])
