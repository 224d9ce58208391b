"""What a server can do: asked of the server itself, by what it lists and by what it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson.timestamp import Timestamp

from drp.dataplane.mongodb.cursors import parse_batch
from drp.dataplane.mongodb.server import CommandError, Server, read
from drp.errors import RejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """``commands``: names the server lists as its own."""

    replica_set: str | None
    commands: frozenset[str]

    def has(self, command: str) -> bool:
        """If the server lists this command."""
        return command in self.commands

    @property
    def has_roles(self) -> bool:
        return self.has("rolesInfo")

    @property
    def write_concern(self) -> Mapping[str, Any]:
        """The safest a write can ask for here: journaled, and by a majority where there is one."""
        return {"w": "majority" if self.replica_set else 1, "j": True}


def ask_capabilities(server: Server) -> Capabilities:
    """Raises RejectedError for a router of a sharded cluster: its shards would need one cluster time."""
    hello = read(server.command("admin", {"hello": 1}))
    if hello.get("msg") == "isdbgrid":
        raise RejectedError("cannot use this MongoDB: it is a router of a sharded cluster")
    listed = read(server.command("admin", {"listCommands": 1}))["commands"]
    return Capabilities(replica_set=hello.get("setName"), commands=frozenset(listed))


def mark_time(server: Server, data: Mapping[str, Any]) -> Timestamp:
    """Writes a note into the oplog; its time is a cluster time that a majority has. Raises CommandError."""
    note = {"appendOplogNote": 1, "data": dict(data), "writeConcern": {"w": "majority"}}
    time = read(server.command("admin", note)).get("operationTime")
    if not isinstance(time, Timestamp):
        raise RejectedError("cannot mark a cluster time: the server tells no operationTime")
    return time


def build_snapshot_read(source: Any, time: Timestamp, token: Any = None) -> dict[str, Any]:
    """A find at one cluster time that can be resumed; ``source`` is a collection's UUID (or its name)."""
    command: dict[str, Any] = {
        "find": source,
        "filter": {},
        "hint": {"$natural": 1},
        "readConcern": {"level": "snapshot", "atClusterTime": time},
        "$_requestResumeToken": True,
    }
    return command if token is None else {**command, "$_resumeAfter": token}


def find_snapshot_obstacle(server: Server, capabilities: Capabilities) -> str | None:
    """Why this server cannot read at one cluster time, or None when it can: one such read was tried.

    It is tried on the collection that every server has, ``admin.system.version``.
    """
    if not capabilities.replica_set or not capabilities.has("appendOplogNote"):
        return "the server is no member of a replica set"
    try:
        time = mark_time(server, {"drp": "probe"})
        with server.session() as session:
            probe = build_snapshot_read("system.version", time) | {"limit": 1}
            batch = parse_batch(session.command("admin", probe))
    except CommandError as error:
        return error.message
    return None if batch.cluster_time == time else "the server ignores atClusterTime"
