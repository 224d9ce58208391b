"""Users and roles of the simulated server: collections of ``admin`` that only its own commands may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from drp.testing.simmongo.collections import Record, SimCollection, SimWorld, raw_id, refuse

OK = bson.encode({"ok": 1.0})
_KINDS = {"user": ("system.users", 11), "role": ("system.roles", 31)}


class Grants:
    """The commands around users and roles."""

    def __init__(self, server: SimWorld) -> None:
        self._server = server
        self.commands: dict[str, Callable[[str, Mapping[str, Any]], bytes]] = {
            "createUser": self._create_user,
            "updateUser": self._update_user,
            "dropUser": lambda database, command: self._drop(database, "user", command["dropUser"]),
            "dropRole": self._drop_role,
            "rolesInfo": lambda _database, _command: OK,
            "_mergeAuthzCollections": self._merge,
        }

    def _create_user(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = str(command["createUser"])
        if self._find(database, "user", name):
            raise refuse(51003, f"User '{name}@{database}' already exists")
        self._write(database, name, command)
        return OK

    def _update_user(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = str(command["updateUser"])
        self._drop(database, "user", name)
        self._write(database, name, command)
        return OK

    def _write(self, database: str, name: str, command: Mapping[str, Any]) -> None:
        document = {
            "_id": f"{database}.{name}",
            "user": name,
            "db": database,
            "credentials": {"SCRAM-SHA-256": {"storedKey": f"of {command['pwd']}"}},
            "roles": list(command["roles"]),
        }
        self._collection("system.users").add(bson.encode(document), self._server.tick())

    def _find(self, database: str, kind: str, name: str) -> Record | None:
        key = raw_id(bson.encode({"_id": f"{database}.{name}"}))
        return self._collection(_KINDS[kind][0]).find(key)

    def _drop(self, database: str, kind: str, name: str) -> bytes:
        collection, code = _KINDS[kind]
        record = self._find(database, kind, name)
        if record is None:
            raise refuse(code, f"no such {kind}")
        self._collection(collection).remove(record, self._server.tick())
        return OK

    def _drop_role(self, database: str, command: Mapping[str, Any]) -> bytes:
        """Whoever has the role loses it."""
        name = str(command["dropRole"])
        self._drop(database, "role", name)
        for collection in (self._collection(place) for place, _ in _KINDS.values()):
            for record in list(collection.alive.values()):
                fields = dict(RawBSONDocument(record.raw).items())
                kept = [held for held in fields.get("roles", []) if not _is_role(held, database, name)]
                record.raw = bson.encode({**fields, "roles": kept}) if "roles" in fields else record.raw
        return OK

    def _merge(self, _database: str, command: Mapping[str, Any]) -> bytes:
        """Without ``drop``, one who is there already is left as he is; with it all become those given."""
        for option, kind in (("tempUsersCollection", "user"), ("tempRolesCollection", "role")):
            if option in command:
                raws = self._server.documents("admin", str(command[option]).removeprefix("admin."))
                self._merge_kind(kind, raws, drop=bool(command.get("drop")))
        return OK

    def _merge_kind(self, kind: str, raws: list[bytes], *, drop: bool) -> None:
        collection = self._collection(_KINDS[kind][0])
        stale = dict(collection.alive) if drop else {}
        for raw in raws:
            there = collection.find(raw_id(raw))
            if there is None:
                collection.add(raw, self._server.tick())
            elif drop:
                there.raw = raw
            stale.pop(raw_id(raw), None)
        for record in stale.values():
            collection.remove(record, self._server.tick())

    def _collection(self, name: str) -> SimCollection:
        return self._server.ensure("admin", name)


def _is_role(held: Any, database: str, name: str) -> bool:
    return isinstance(held, Mapping) and (held["db"], held["role"]) == (database, name)
