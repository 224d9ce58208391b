"""The sealed file: made with all keys drp can make itself, filled, listed; no value is ever shown."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.commands.wiring import Places, build_key_source
from drp.config.load import effective, load_inventory
from drp.config.needed import (
    MADE_BY_DRP,
    NeededSecret,
    Purpose,
    missing_secrets,
    needed_secrets,
    new_random,
    new_token,
)
from drp.config.sealed import SealedContent, SealedEntry, new_identity
from drp.config.sealed_file import change_sealed, create_sealed, load_sealed
from drp.dataplane.keys import new_backup_keypair, new_signing_keypair
from drp.errors import RefusedError
from drp.model.values import Json, Secret

_PUBLIC_LINE: Final = re.compile(r"^# public key: (age1\w+)$", re.M)
"""As ``age-keygen`` writes it."""

_PUBLIC_KEYS: Final[Mapping[Purpose, str]] = {
    "signer": "signers.{}.public",
    "backup": "tenants.{}.backup-key.public",
}


def init_secrets(places: Places, *, dry_run: bool) -> Listing:
    """Make the sealed file where there is none, and every secret drp can make that is not in it.

    Raises ConfigError; RefusedError when there is no place for the key or a half of a pair is missing.
    """
    inventory = load_inventory(places.config, needs_keys=False)
    path = Path(inventory.secrets.file)
    is_new = not path.exists()
    content = SealedContent() if is_new else load_sealed(path, build_key_source(inventory, places))[0]
    missing = missing_secrets(needed_secrets(inventory), content)
    ours = [each for each in missing if each.purpose in MADE_BY_DRP]
    maker = _Maker(places.config)
    for each in ours:
        maker.check(each)
    if not dry_run:
        if is_new:
            create_sealed(path, SealedContent(recipients=(_ensure_key(places.key_file),)))
        _, key = load_sealed(path, build_key_source(inventory, places))
        change_sealed(path, key, {each.ref.name: maker.make(each) for each in ours})
    return _init_listing(path, ours, [each for each in missing if each not in ours], dry_run=dry_run)


def set_secret(
    places: Places, name: str, read: Callable[[], Secret], *, confirm: Callable[[str], bool], dry_run: bool
) -> Listing:
    """Put one secret in. ``confirm`` is asked before one is replaced. Raises RefusedError when it says no."""
    inventory = load_inventory(places.config, needs_keys=False)
    path = Path(inventory.secrets.file)
    content, key = load_sealed(path, build_key_source(inventory, places))
    if name in content.entries and not confirm(f"Replace secret '{name}'?"):
        raise RefusedError(f"cannot replace secret '{name}': the answer was no", state="nothing was touched")
    wanted = {each.ref.name: each for each in needed_secrets(inventory) if each.ref.kind == "sealed"}
    if not dry_run:
        rotation = wanted[name].rotation if name in wanted else "keep"
        change_sealed(path, key, {name: SealedEntry(value=read(), rotation=rotation)})
    used = f"for {_use(wanted[name])}" if name in wanted else "which nothing in the configuration uses"
    verb = "would put" if dry_run else "put"
    return Listing(lines=(f"✓ {verb} '{name}' into {path}, {used}",), data={"name": name})


def list_secrets(places: Places) -> Listing:
    """Names, what they are for, and which are missing (then the ending is ``findings``)."""
    inventory = load_inventory(places.config, needs_keys=False)
    content, _ = load_sealed(Path(inventory.secrets.file), build_key_source(inventory, places))
    needed = [each for each in needed_secrets(inventory) if each.ref.kind == "sealed"]
    missing = missing_secrets(needed, content)
    uses = {each.ref.name: _use(each) for each in needed}
    lines = [f"✓ {name:<20} {uses.get(name, 'used by nothing')}" for name in sorted(content.entries)]
    lines += [f"✗ {each.ref.name:<20} {_use(each)}   drp secrets set {each.ref.name}" for each in missing]
    ending = FINDINGS if missing else DONE
    there: list[Json] = [*sorted(content.entries)]
    absent: list[Json] = [each.ref.name for each in missing]
    return Listing(
        lines=tuple(lines),
        data={"secrets": there, "missing": absent},
        summary=f"{'✗' if missing else '✓'} {len(there)} there, {len(absent)} missing · exit {ending.code}",
        ending=ending,
    )


def _use(each: NeededSecret) -> str:
    return f"{each.purpose} of {each.owner}"


def _init_listing(
    path: Path, made: list[NeededSecret], missing: list[NeededSecret], *, dry_run: bool
) -> Listing:
    verb = "would make" if dry_run else "made"
    lines = [f"✓ {verb} {each.ref.name:<20} {_use(each)}" for each in made]
    lines += [
        f"· needs {each.ref.name:<20} {_use(each)}   drp secrets set {each.ref.name}" for each in missing
    ]
    names: list[Json] = [each.ref.name for each in made]
    absent: list[Json] = [each.ref.name for each in missing]
    summary = f"✓ {path}: {len(made)} {'to make' if dry_run else 'made'}, {len(missing)} to be set by you"
    return Listing(
        lines=tuple(lines), data={"file": str(path), "made": names, "missing": absent}, summary=summary
    )


def _ensure_key(path: Path | None) -> str:
    """The recipient whose identity is in the key file; a new pair when there is no such file."""
    if path is None:
        raise RefusedError(
            "cannot make the sealed file: there is no place for its key",
            state="nothing was touched",
            hint="Name a file outside the configuration: `drp secrets init --key-file drp.key`.",
        )
    try:
        return _read_recipient(path) if path.exists() else _write_identity(path)
    except OSError as error:
        raise RefusedError(f"cannot use key file '{path}': {error.strerror}") from error


def _read_recipient(path: Path) -> str:
    found = _PUBLIC_LINE.search(path.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise RefusedError(f"cannot use key file '{path}': it has no line '# public key: age1…'")
    return found.group(1)


def _write_identity(path: Path) -> str:
    private, recipient = new_identity()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(f"# public key: {recipient}\n".encode() + private.reveal() + b"\n")
    return recipient


class _Maker:
    """Makes secrets; the public half of a pair goes into the file that the configuration names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._values = {value.key: value.value for value in effective(folder)}

    def check(self, each: NeededSecret) -> None:
        """Raises RefusedError when the public half of a pair is there and the private one is not."""
        path = self._public_file(each)
        if each.purpose in _PUBLIC_KEYS and (path is None or path.exists()):
            where = f"'{path}'" if path else "in the configuration"
            raise RefusedError(
                f"cannot make secret '{each.ref.name}': its public half is already {where}",
                state="nothing was touched",
                hint=f"Put the private half in with `drp secrets set {each.ref.name}`.",
            )

    def make(self, each: NeededSecret) -> SealedEntry:
        value = {"root": new_random, "guards": new_random, "token": new_token}.get(
            each.purpose, lambda: self._make_pair(each)
        )()
        return SealedEntry(value=value, rotation=each.rotation)

    def _make_pair(self, each: NeededSecret) -> Secret:
        pair = new_signing_keypair() if each.purpose == "signer" else new_backup_keypair()
        path = self._public_file(each)
        assert path is not None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(base64.b64encode(pair.public).decode() + "\n", encoding="ascii")
        except OSError as error:
            raise RefusedError(f"cannot write '{path}': {error.strerror}") from error
        return pair.private

    def _public_file(self, each: NeededSecret) -> Path | None:
        """None when the public half stands in the configuration itself, or there is none."""
        written = self._values.get(_PUBLIC_KEYS.get(each.purpose, "").format(each.owner), "")
        return self._folder / written.removeprefix("file:") if written.startswith("file:") else None
