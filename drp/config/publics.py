"""Public texts beside the configuration: keys and certificates that may stand in files of their own."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from drp.config.nodes import names, place_of, text
from drp.config.yaml import Node
from drp.errors import Problem

KeyPath: TypeAlias = tuple[str, ...]

EDGE_CA: Final[KeyPath] = ("edge", "ca")

_FILE: Final = "file:"
_ED25519_BYTES: Final = 32
_PUT_CA: Final = "Put the CA of the tenants' certificates there, or name its file in `edge.ca`."
_MAKE: Final = "Make it with `drp secrets init`."


def signer_path(site: str) -> KeyPath:
    return ("signers", site, "public")


def backup_path(tenant: str) -> KeyPath:
    return ("tenants", tenant, "backup-key", "public")


@dataclass(slots=True)
class PublicTexts:
    """Texts by the path of their key, and what is wrong with them."""

    texts: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def __getitem__(self, path: KeyPath) -> str:
        return self.texts[path]

    def by_dotted_key(self) -> Mapping[str, str]:
        return {".".join(path): found for path, found in self.texts.items()}


def load_publics(root: Node, folder: Path, *, are_needed: bool) -> PublicTexts:
    """Read all public texts that the resolved tree names.

    With ``are_needed`` False a file that is not there yet is an empty text and no problem: so the
    command that makes such files can read the configuration.
    """
    reader = _Reader(root, folder, are_needed)
    reader.read(EDGE_CA)
    for site in names(root, "signers"):
        reader.read(signer_path(site), size=_ED25519_BYTES)
    for tenant in names(root, "tenants"):
        reader.read(backup_path(tenant))
    return reader.found


class _Reader:
    def __init__(self, root: Node, folder: Path, are_needed: bool) -> None:
        self._root = root
        self._folder = folder
        self._are_needed = are_needed
        self.found = PublicTexts()

    def read(self, path: KeyPath, *, size: int | None = None) -> None:
        """Read one text; ``size`` in bytes where the key has a fixed one."""
        written = text(self._root, *path)
        found = self._load(path, written.removeprefix(_FILE)) if written.startswith(_FILE) else written
        self.found.texts[path] = found if path == EDGE_CA else found.strip()
        cause = _find_fault(path, found.strip(), size) if found else ""
        if cause:
            self._problem(path, cause)

    def _load(self, path: KeyPath, name: str) -> str:
        file = self._folder / name
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self._are_needed:
                hint = _PUT_CA if path == EDGE_CA else _MAKE
                self._problem(path, f"cannot read '{file.as_posix()}': it does not exist", hint)
        except (OSError, UnicodeDecodeError):
            self._problem(path, f"cannot read '{file.as_posix()}': it is not a file of text")
        return ""

    def _problem(self, path: KeyPath, message: str, hint: str = "") -> None:
        self.found.problems.append(Problem(place_of(self._root, *path), message, hint))


def _find_fault(path: KeyPath, found: str, size: int | None) -> str:
    if path == EDGE_CA:
        return "" if _is_pem(found) else "cannot read certificate: it is not PEM"
    try:
        raw = base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        return "cannot read public key: it is not base64"
    return (
        f"cannot read public key: it has {len(raw)} bytes, not {size}" if size not in (None, len(raw)) else ""
    )


def _is_pem(found: str) -> bool:
    """As those will read it who trust it: edges and probes."""
    try:
        return "-----BEGIN CERTIFICATE-----" in found and bool(ssl.create_default_context(cadata=found))
    except (ssl.SSLError, ValueError):
        return False
