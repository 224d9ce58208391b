"""The sealed file on disk: found, opened with the key the operator has, and replaced as a whole."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from drp.config.sealed import (
    Identity,
    Key,
    Passphrase,
    SealedContent,
    SealedEntry,
    is_passphrase_locked,
    open_sealed,
    seal,
)
from drp.errors import ConflictError, NotFoundError, RefusedError
from drp.model.values import Secret

KEY_FILE: Final = "DRP_KEY_FILE"
"""Environment variable that names the identity file (or a file with the passphrase)."""

AskPassphrase = Callable[[str], Secret]
"""Asks a person; the argument is the file's name. Without a terminal it raises RefusedError."""

Unlock = Callable[[], Secret]
"""Gets the identity or passphrase from where the configuration says (`secrets.unlock`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where the key may come from, in this order: a file, the configured command, a person."""

    key_file: Path | None = None
    unlock: Unlock | None = None
    ask: AskPassphrase | None = None


def read_sealed(path: Path) -> bytes:
    """The file's bytes. Raises NotFoundError."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"cannot open '{path}': it does not exist", hint="Make it with `drp secrets init`."
        ) from error
    except OSError as error:
        raise NotFoundError(f"cannot open '{path}': {error.strerror}") from error


def require_key(sealed: bytes, source: KeySource, *, shown: str) -> Key:
    """The key by which this file is opened, asked for when there is no other way.

    Raises RefusedError when there is none, or the key file cannot be read.
    """
    wants_passphrase = is_passphrase_locked(sealed)
    if source.key_file is not None:
        return _as_key(_read_key_file(source.key_file), wants_passphrase)
    if source.unlock is not None:
        return _as_key(source.unlock(), wants_passphrase)
    if wants_passphrase and source.ask is not None:
        return Passphrase(source.ask(shown))
    what = "a passphrase" if wants_passphrase else "an identity"
    raise RefusedError(
        f"cannot open '{shown}': it needs {what}, and none was given",
        hint=f"Name a file with `--key-file` or {KEY_FILE}, or set `secrets.unlock`.",
        page="I1",
    )


def load_sealed(path: Path, source: KeySource) -> tuple[SealedContent, Key]:
    """Open the file; the key too, to change it later. Errors: those of the three functions above."""
    sealed = read_sealed(path)
    key = require_key(sealed, source, shown=str(path))
    return open_sealed(sealed, key, shown=str(path)), key


def create_sealed(path: Path, content: SealedContent, passphrase: Passphrase | None = None) -> None:
    """Write the first version. Raises ConflictError when the file exists."""
    with _alone(path):
        if path.exists():
            raise ConflictError(
                f"cannot create '{path}': it exists", hint="Add to it with `drp secrets set NAME`."
            )
        _replace(path, seal(replace(content, version=1), passphrase))


def change_sealed(path: Path, key: Key, entries: Mapping[str, SealedEntry | None]) -> SealedContent:
    """Add, replace or (None) remove entries and write the next version; the new content.

    The file is read again under a lock, so that two operators on one machine lose nothing of each other.
    Errors: those of ``open_sealed``, NotFoundError.
    """
    with _alone(path):
        content = open_sealed(read_sealed(path), key, shown=str(path))
        merged = {**content.entries, **entries}
        kept = {name: entry for name, entry in merged.items() if entry is not None}
        changed = replace(content, version=content.version + 1, entries=kept)
        _replace(path, seal(changed, key if isinstance(key, Passphrase) else None))
    return changed


def change_recipients(path: Path, key: Key, recipients: tuple[str, ...]) -> SealedContent:
    """Seal the file for other recipients (someone came or left) and write the next version.

    Somebody who left still knows what he could read before: change the secrets too.
    """
    with _alone(path):
        content = open_sealed(read_sealed(path), key, shown=str(path))
        changed = replace(content, version=content.version + 1, recipients=recipients)
        _replace(path, seal(changed, key if isinstance(key, Passphrase) else None))
    return changed


def _read_key_file(path: Path) -> Secret:
    try:
        return Secret(path.read_bytes())
    except OSError as error:
        message = f"cannot read key file '{path}': {error.strerror}"
        raise RefusedError(message, hint=f"Name another with `--key-file` or {KEY_FILE}.") from error


def _as_key(text: Secret, wants_passphrase: bool) -> Key:
    return Passphrase(Secret(text.reveal().strip(b"\r\n"))) if wants_passphrase else Identity(text)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time in the file's folder, on this machine."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NotFoundError(f"cannot write '{path}': {error.strerror}") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _replace(path: Path, sealed: bytes) -> None:
    """The old file or the new one, whatever happens; readable by its owner only."""
    target = path.resolve()
    try:
        # mkstemp makes it 0600
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise RefusedError(f"cannot write '{path}': {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise RefusedError(f"cannot write '{path}': {error.strerror}") from error
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
