"""Reads at one cluster time: what the server does meanwhile, and how it tells what it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bson
import pytest
from bson.timestamp import Timestamp

from drp.dataplane.mongodb.capabilities import ask_capabilities, find_snapshot_obstacle
from drp.dataplane.mongodb.catalog import CollectionInfo, list_collections
from drp.dataplane.mongodb.server import command_error, read
from drp.dataplane.mongodb.sources import SnapshotLostError, SnapshotSource
from drp.errors import DeniedError, RejectedError, UnreachableError
from drp.testing.simmongo.server import Hook, SimMongo
from tests.dataplane.simulated import SOURCE, TARGET, build_company, decode, fill


def build_server(documents: int = 50) -> SimMongo:
    server = SimMongo()
    server.batch_bytes = 200  # some six documents
    fill(server, "orders", [{"_id": n, "n": n} for n in range(documents)])
    return server


def open_source(server: SimMongo) -> tuple[SnapshotSource, CollectionInfo]:
    """A source at the present time, and the collection it shall read."""
    info = next(i for i in list_collections(server).collections if i.name == "orders")
    return SnapshotSource(server, ask_capabilities(server), server.now), info


def read_ids(
    source: SnapshotSource, info: CollectionInfo, between: Callable[[int], None] | None = None
) -> list[int]:
    """Ids in the order read; ``between`` is called after each batch with its number."""
    ids: list[int] = []
    for number, documents in enumerate(source.iter_documents(info)):
        ids += [bson.decode(bytes(view))["_id"] for view in documents]
        if between:
            between(number)
    return ids


def once(name: str, act: Callable[[SimMongo], None], *, after: int = 0) -> Hook:
    """A hook that acts at one command of this name, the first after ``after`` others."""
    seen = [0]

    def hook(server: SimMongo, command: str, _fields: Mapping[str, Any]) -> None:
        if command == name:
            seen[0] += 1
            if seen[0] == after + 1:
                act(server)

    return hook


def minutes_pass(server: SimMongo) -> None:
    server.tick(seconds=400)


def cut(_server: SimMongo) -> None:
    raise UnreachableError("cannot run a command: connection lost")


def test_read_shows_the_state_at_the_time_whatever_is_written_meanwhile() -> None:
    server = build_server()
    source, info = open_source(server)
    collection = server.require("app", "orders")

    def write(number: int) -> None:
        fill(server, "orders", [{"_id": 1000 + number}])
        collection.remove(collection.documents(server.now)[-2], server.tick())

    assert read_ids(source, info, write) == list(range(50))


@pytest.mark.parametrize("after", [0, 1, 4])
def test_lost_connection_goes_on_at_the_last_token(after: int) -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(once("getMore", cut, after=after))
    server.require("app", "orders").remove(server.require("app", "orders").records[3], server.tick())
    assert read_ids(source, info) == list(range(50))
    assert server.sent.count("find") == 2


def test_connection_that_stays_lost_is_an_error() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(lambda s, name, _: cut(s) if name == "find" else None)
    with pytest.raises(UnreachableError, match="connection lost"):
        read_ids(source, info)


def test_cursor_that_timed_out_goes_on_at_the_last_token() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(once("getMore", lambda s: s._cursors.clear(), after=2))
    assert read_ids(source, info) == list(range(50))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda s: s.remove("app", "orders"), 26),
        (lambda s: s.rename("app", "orders", "elsewhere"), 246),
    ],
)
def test_collection_gone_before_the_read_is_noticed(change: Callable[[SimMongo], None], code: int) -> None:
    server = build_server()
    source, info = open_source(server)
    change(server)
    with pytest.raises(SnapshotLostError) as caught:
        read_ids(source, info)
    assert caught.value.code == code


def test_collection_dropped_while_it_is_read_is_noticed() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(once("getMore", lambda s: s.remove("app", "orders"), after=1))
    with pytest.raises(SnapshotLostError) as caught:
        read_ids(source, info)
    assert caught.value.code == 175


def test_dropped_collection_read_by_name_would_look_empty() -> None:
    """The trap that reading by UUID avoids, as the real server has it."""
    server = build_server()
    time = server.now
    server.remove("app", "orders")
    concern = {"level": "snapshot", "atClusterTime": time}
    cursor = read(server.command("app", {"find": "orders", "filter": {}, "readConcern": concern}))["cursor"]
    assert (len(cursor["firstBatch"]), "atClusterTime" in cursor) == (0, False)


def test_reply_without_the_cluster_time_is_not_trusted() -> None:
    server = build_server()
    _, info = open_source(server)

    class Forgetful(SimMongo):
        def command(self, database: str, command: Mapping[str, Any]) -> bytes:
            concern = {name: value for name, value in command.items() if name != "readConcern"}
            return server.command(database, concern)

    source = SnapshotSource(Forgetful(), ask_capabilities(server), server.now)
    with pytest.raises(SnapshotLostError, match="does not name the cluster time"):
        read_ids(source, info)


def test_time_beyond_the_window_is_noticed_also_by_an_open_cursor() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(once("getMore", minutes_pass, after=2))
    with pytest.raises(SnapshotLostError) as caught:
        read_ids(source, info)
    assert caught.value.code == 239


def deny_uuids(server: SimMongo, name: str, fields: Mapping[str, Any]) -> None:
    if name == "find" and isinstance(fields["find"], bytes):
        raise command_error("cannot run find: not authorized", 13)


def test_account_that_may_not_use_uuids_reads_by_name() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(deny_uuids)
    assert read_ids(source, info) == list(range(50))


def test_drop_is_noticed_also_by_name() -> None:
    server = build_server()
    source, info = open_source(server)
    server.hooks.append(deny_uuids)
    server.remove("app", "orders")
    with pytest.raises(SnapshotLostError, match="does not name the cluster time"):
        read_ids(source, info)


def test_denied_read_is_an_error() -> None:
    server = build_server()
    source, info = open_source(server)

    def deny(_server: SimMongo, name: str, _fields: Mapping[str, Any]) -> None:
        if name == "find":
            raise command_error("cannot run find: not authorized", 13)

    server.hooks.append(deny)
    with pytest.raises(DeniedError, match="not authorized"):
        read_ids(source, info)


def test_capped_collection_that_runs_over_meanwhile_is_read_again() -> None:
    server, target = build_server(), SimMongo()
    capped = server.ensure("app", "log", options=bson.encode({"capped": True, "size": 2**20}))
    for n in range(40):
        capped.add(bson.encode({"_id": n}), server.tick())

    def run_over(_server: SimMongo) -> None:
        raise command_error("cannot run getMore: CappedPositionLost", 136)

    server.hooks.append(once("getMore", run_over, after=0))
    company = build_company(server, target)
    assert company.backup(SOURCE)["mode"] == "snapshot"
    company.restore(TARGET)
    assert company.compare((SOURCE, None), (TARGET, None)) == []


def test_other_refusals_are_not_taken_for_a_lost_snapshot() -> None:
    server = build_server()
    _, info = open_source(server)
    future = Timestamp(server.now.time + 100, 1)
    with pytest.raises(RejectedError, match="72"):
        read_ids(SnapshotSource(server, ask_capabilities(server), future), info)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (SimMongo(), None),
        (SimMongo(replica_set=None), "the server is no member of a replica set"),
    ],
)
def test_server_is_asked_whether_it_can_read_at_a_time(server: SimMongo, words: str | None) -> None:
    assert find_snapshot_obstacle(server, ask_capabilities(server)) == words


def test_server_that_refuses_such_reads_is_scanned() -> None:
    server, target = build_server(), SimMongo()
    server.parameters["minSnapshotHistoryWindowInSeconds"] = -1
    told = build_company(server, target).backup(SOURCE)
    assert told["mode"] == "scan"
    assert "SnapshotTooOld" in str(told["skipped"])


def test_router_of_a_cluster_is_refused() -> None:
    class Router(SimMongo):
        def command(self, database: str, command: Mapping[str, Any]) -> bytes:
            return bson.encode({"msg": "isdbgrid", "ok": 1.0})

    with pytest.raises(RejectedError, match="sharded cluster"):
        ask_capabilities(Router())


def count_finds(server: SimMongo) -> int:
    return sum(name == "find" for name in server.sent)


def test_backup_is_taken_again_when_a_collection_is_dropped_meanwhile() -> None:
    server, target = build_server(), SimMongo()
    fill(server, "extra", [{"_id": n} for n in range(100)])
    server.hooks.append(once("getMore", lambda s: s.remove("app", "extra")))
    company = build_company(server, target)
    assert company.backup(SOURCE)["mode"] == "snapshot"
    company.restore(TARGET)
    assert [d["_id"] for d in decode(target, "orders")] == list(range(50))
    assert target.find("app", "extra") is None
    assert len(company.doors.stores["keys"].objects) == 2  # each attempt has a key of its own


def test_window_is_widened_for_a_long_backup_and_put_back() -> None:
    server, target = build_server(), SimMongo()
    seen: list[int] = []
    server.hooks.append(once("getMore", minutes_pass))
    server.hooks.append(lambda s, *_: seen.append(s.parameters["minSnapshotHistoryWindowInSeconds"]))
    assert build_company(server, target).backup(SOURCE)["mode"] == "snapshot"
    assert max(seen) == 1800
    assert server.parameters["minSnapshotHistoryWindowInSeconds"] == 300


def test_server_whose_collections_keep_changing_is_scanned_in_the_end() -> None:
    server, target = build_server(), SimMongo()

    def rename(server: SimMongo, name: str, _fields: Mapping[str, Any]) -> None:
        if name == "appendOplogNote":
            (found,) = [c for c in server.collections if c.database == "moving" and not c.dropped]
            found.name += "x"

    fill(server, "m", [{"_id": 1}], database="moving")
    server.hooks.append(rename)
    assert build_company(server, target).backup(SOURCE)["mode"] == "scan"


def test_unfinished_index_is_told_and_not_restored() -> None:
    server, target = build_server(), SimMongo()
    unfinished = {"buildUUID": bson.Binary(bytes(16), 4), "spec": {"v": 2, "key": {"n": 1}, "name": "n_1"}}
    server.require("app", "orders").indexes.append(bson.encode(unfinished))
    company = build_company(server, target)
    assert company.backup(SOURCE)["skipped"] == ["app.orders: index 'n_1' is not built yet"]
    company.restore(TARGET)
    assert len(target.require("app", "orders").indexes) == 1


def test_capped_collection_is_scanned_in_order_and_said_so() -> None:
    server, target = build_server(), SimMongo()
    options = bson.encode({"capped": True, "size": 64 * 2**20})
    capped = server.ensure("app", "log", options=options)
    for n in range(30):
        capped.add(bson.encode({"_id": 100 - n, "pad": bytes([n]) * 2**20}), server.tick())
    company = build_company(server, target)
    told = company.backup(SOURCE)
    modes = {entry["coll"]: entry["mode"] for entry in told["collections"]}  # type: ignore[index,union-attr,call-overload]
    assert modes == {"log": "scan", "orders": "snapshot"}
    company.restore(TARGET)
    assert target.documents("app", "log") == server.documents("app", "log")
    assert company.compare((SOURCE, None), (TARGET, None)) == []
