"""Users and roles: read with their salts and keys, put back so that everybody's password still works.

drp's own accounts are fresh at each instance: they are neither copied nor touched.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson.raw_bson import RawBSONDocument

from drp.dataplane.mongodb.capabilities import Capabilities
from drp.dataplane.mongodb.cursors import list_documents
from drp.dataplane.mongodb.fingerprints import decode, fingerprint_document
from drp.dataplane.mongodb.server import RAW, CommandError, Server, check_write
from drp.errors import VerificationError

MERGE = "_mergeAuthzCollections"  # how the database's own restore tool puts users back
_TEMPORARY = {"users": "tempusers", "roles": "temproles"}
_KINDS = ("roles", "users")  # roles first: users are granted them


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """Raw documents of admin.system.users and admin.system.roles, sorted by their id."""

    users: tuple[bytes, ...] = ()
    roles: tuple[bytes, ...] = ()

    def of(self, kind: str) -> tuple[bytes, ...]:
        return self.users if kind == "users" else self.roles


@dataclass(slots=True, kw_only=True)
class Changes:
    """What putting users back did: ids such as ``admin.alice``."""

    written: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def load_grants(server: Server, *, without: Collection[str]) -> Grants:
    """``without``: names of drp's own accounts in ``admin``."""
    users = _load(server, "users")
    kept = [raw for raw in users if not _is_own(decode(raw), without)]
    return Grants(users=tuple(kept), roles=_load(server, "roles"))


def _load(server: Server, kind: str) -> tuple[bytes, ...]:
    raws = list_documents(server, "admin", {"find": f"system.{kind}", "filter": {}})
    return tuple(sorted(raws, key=lambda raw: str(decode(raw)["_id"])))


def _is_own(user: dict[str, Any], own: Collection[str]) -> bool:
    return user["db"] == "admin" and user["user"] in own


def fingerprint_grants(raws: Sequence[bytes]) -> dict[str, str]:
    """Id (``database.name``) -> digest of everything about the user or role."""
    documents = [decode(raw) for raw in raws]
    return {str(document["_id"]): fingerprint_document(document) for document in documents}


def restore_grants(
    server: Server, capabilities: Capabilities, wanted: Grants, *, managed: Collection[str]
) -> Changes:
    """Makes the server's users and roles those of ``wanted``, drp's own (``managed``) left as they are.

    Raises VerificationError when the server shows other ones afterwards.
    """
    changes = Changes()
    for kind in _KINDS:
        # Read again each time: a role that is dropped is taken from everybody who has it.
        found = load_grants(server, without=managed).of(kind)
        changes.dropped += _drop_gone(server, kind, wanted=wanted.of(kind), found=found)
        found = load_grants(server, without=managed).of(kind)
        changes.written += _write_different(server, capabilities, kind, wanted=wanted.of(kind), found=found)
    after = load_grants(server, without=managed)
    for kind in _KINDS:
        if fingerprint_grants(after.of(kind)) != fingerprint_grants(wanted.of(kind)):
            raise VerificationError(f"cannot restore the {kind}: the server shows other ones afterwards")
    return changes


def _drop_gone(server: Server, kind: str, *, wanted: Sequence[bytes], found: Sequence[bytes]) -> list[str]:
    """Ids of those that are not wanted any more."""
    kept = {_id(raw) for raw in wanted}
    gone = [raw for raw in found if _id(raw) not in kept]
    for raw in gone:
        _drop(server, kind, decode(raw))
    return [_id(raw) for raw in gone]


def _write_different(
    server: Server,
    capabilities: Capabilities,
    kind: str,
    *,
    wanted: Sequence[bytes],
    found: Sequence[bytes],
) -> list[str]:
    """Ids of those that are written, because they are missing or other than wanted."""
    before, after = fingerprint_grants(found), fingerprint_grants(wanted)
    different = [raw for raw in wanted if before.get(key := _id(raw)) != after[key]]
    changed = [raw for raw in different if _id(raw) in before]
    if kind == "roles" and changed and capabilities.has(MERGE):
        # In its place: dropped, it would be taken from everybody who has it, drp's own accounts among them.
        _merge(server, capabilities, kind, wanted, replace=True)
    elif different:
        for raw in changed:
            _drop(server, kind, decode(raw))
        _write(server, capabilities, kind, different)
    return [_id(raw) for raw in different]


def _id(raw: bytes) -> str:
    return str(decode(raw)["_id"])


def _drop(server: Server, kind: str, document: dict[str, Any]) -> None:
    command, name = ("dropUser", "user") if kind == "users" else ("dropRole", "role")
    server.command(document["db"], {command: document[name]})


def _write(server: Server, capabilities: Capabilities, kind: str, raws: Sequence[bytes]) -> None:
    if capabilities.has(MERGE):
        _merge(server, capabilities, kind, raws, replace=False)
    else:
        # A server without the merge keeps users in a collection like any other.
        _insert(server, capabilities, f"system.{kind}", raws)


def _merge(
    server: Server, capabilities: Capabilities, kind: str, raws: Sequence[bytes], *, replace: bool
) -> None:
    """``replace``: those who are there are changed, and removed when they are not among these."""
    temporary = _TEMPORARY[kind]
    option = "tempUsersCollection" if kind == "users" else "tempRolesCollection"
    _drop_collection(server, temporary)
    _insert(server, capabilities, temporary, raws)
    try:
        merge = {MERGE: 1, option: f"admin.{temporary}", "drop": replace, "db": ""}
        server.command("admin", {**merge, "writeConcern": capabilities.write_concern})
    finally:
        _drop_collection(server, temporary)


def _insert(server: Server, capabilities: Capabilities, name: str, raws: Sequence[bytes]) -> None:
    command = {
        "insert": name,
        "documents": [RawBSONDocument(raw, RAW) for raw in raws],
        "ordered": True,
        "writeConcern": capabilities.write_concern,
    }
    check_write(server.command("admin", command), what=f"write '{name}'", expected=len(raws))


def _drop_collection(server: Server, name: str) -> None:
    try:
        server.command("admin", {"drop": name})
    except CommandError as error:
        if error.code != 26:
            raise
