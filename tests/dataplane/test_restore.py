"""A restore makes the target hold exactly the backup, however it was before and wherever it broke off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.dataplane import keys
from drp.dataplane.mongodb.server import command_error
from drp.errors import (
    DeniedError,
    DrpError,
    NotFoundError,
    RejectedError,
    UnreachableError,
    VerificationError,
)
from drp.testing.simmongo.server import SimMongo
from tests.dataplane.backups import Company
from tests.dataplane.documents import documents
from tests.dataplane.simulated import SOURCE, TARGET, build_company, decode, fill

OPS = {"_id": "app.ops", "role": "ops", "db": "app", "privileges": [], "roles": []}
VALIDATED = {"validator": {"n": {"$type": "int"}}, "validationLevel": "strict"}


def build_source() -> SimMongo:
    """Two databases with a bit of everything."""
    server = SimMongo()
    fill(server, "orders", [{"_id": n, "n": n} for n in range(40)])
    fill(server, "fs.chunks", [{"_id": n, "data": bytes(100)} for n in range(5)], database="files")
    server.ensure("app", "checked", options=bson.encode(VALIDATED))
    server.ensure("app", "empty")
    server.command("app", {"create": "open", "viewOn": "recent", "pipeline": [{"$match": {"open": True}}]})
    server.command("app", {"create": "recent", "viewOn": "orders", "pipeline": []})
    server.command("app", {"create": "load", "timeseries": {"timeField": "t", "metaField": "host"}})
    fill(server, "system.buckets.load", [{"_id": 1, "control": {"version": 1}, "data": {}}])
    specs = [
        {"v": 2, "key": {"n": 1}, "name": "n_1", "unique": True},
        {"v": 2, "key": {"at": 1}, "name": "at_1", "expireAfterSeconds": 60, "hidden": True},
        {"v": 2, "key": {"$**": 1}, "name": "all", "wildcardProjection": {"a": 1}},
    ]
    indexes = [RawBSONDocument(bson.encode(spec)) for spec in specs]
    server.command("app", {"createIndexes": "orders", "indexes": indexes})
    by_host = RawBSONDocument(bson.encode({"v": 2, "key": {"host": 1}, "name": "host_1"}))
    server.command("app", {"createIndexes": "load", "indexes": [by_host]})
    server.command("admin", {"createUser": "alice", "pwd": "a", "roles": ["readWrite"]})
    server.command("admin", {"createUser": "drp", "pwd": "d", "roles": ["root"]})
    fill(server, "system.roles", [OPS], database="admin")
    return server


def moved() -> tuple[Company, SimMongo, SimMongo]:
    """A backup of the source, restored to an empty target that has drp's own account."""
    source, target = build_source(), SimMongo()
    target.command("admin", {"createUser": "drp", "pwd": "other", "roles": ["root"]})
    company = build_company(source, target)
    company.backup(SOURCE)
    company.restore(TARGET)
    return company, source, target


def differences(company: Company) -> list[str]:
    return [str(difference) for difference in company.compare((SOURCE, None), (TARGET, None))]


def test_everything_arrives() -> None:
    company, source, target = moved()
    assert differences(company) == []
    assert [bson.decode(i)["name"] for i in target.require("app", "orders").indexes] == [
        "_id_",
        "all",
        "at_1",
        "n_1",
    ]
    assert target.require("app", "checked").options == source.require("app", "checked").options


def test_views_are_made_after_what_they_look_at() -> None:
    _, _, target = moved()
    names = [c.name for c in target.collections if c.database == "app" and not c.name.startswith("system.")]
    assert names.index("orders") < names.index("recent") < names.index("open")


def test_own_account_of_the_target_stays_and_that_of_the_source_does_not_come() -> None:
    _, source, target = moved()
    users = {d["_id"]: d for d in decode(target, "system.users", database="admin")}
    assert users["admin.drp"]["credentials"]["SCRAM-SHA-256"]["storedKey"] == "of other"
    assert users["admin.alice"] == decode(source, "system.users", database="admin")[0]
    assert target.find("admin", "tempusers") is None


def test_role_that_changes_is_not_taken_from_those_who_have_it() -> None:
    company, source, target = moved()
    held = {"role": "ops", "db": "app"}
    for server in (source, target):
        server.command("admin", {"createUser": "bob", "pwd": "b", "roles": [held]})
    fill(source, "system.roles", [{**OPS, "_id": "app.boss", "role": "boss", "roles": [held]}], "admin")
    target.command("admin", {"updateUser": "drp", "pwd": "other", "roles": [held]})
    company.backup(SOURCE, backup_id="b2")
    change_role(target, privileges=["more"])
    company.restore(TARGET, backup_id="b2")
    assert differences(company) == []
    users = {d["_id"]: d["roles"] for d in decode(target, "system.users", database="admin")}
    assert users["admin.bob"] == users["admin.drp"] == [held]


def change_role(server: SimMongo, **fields: object) -> None:
    collection = server.require("admin", "system.roles")
    (role,) = (r for r in collection.alive.values() if b"app.ops" in r.raw)
    role.raw = bson.encode({**bson.decode(role.raw), **fields})


def test_role_that_the_source_names_but_lacks_stays_named_when_the_target_loses_it() -> None:
    company, source, target = moved()
    lacking = {"role": "extra", "db": "app"}
    for server in (source, target):
        change_role(server, roles=[lacking])
        server.command("admin", {"createUser": "bob", "pwd": "b", "roles": [lacking]})
    fill(target, "system.roles", [{**OPS, "_id": "app.extra", "role": "extra"}], "admin")
    company.backup(SOURCE, backup_id="b2")
    assert company.restore(TARGET, backup_id="b2")["users_dropped"] == ["app.extra"]
    assert differences(company) == []


def test_backup_that_exists_is_answered_from_its_manifest() -> None:
    company, source, _ = moved()
    before = dict(company.doors.stores["data"].objects)
    fill(source, "orders", [{"_id": 99}])
    told = company.backup(SOURCE)
    assert told["manifest_sha256"] == company.manifest().sha256
    assert company.doors.stores["data"].objects == before


def lose_one(server: SimMongo) -> None:
    orders = server.require("app", "orders")
    orders.remove(orders.records[0], server.tick())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: fill(s, "orders", [{"_id": 99}]), "documents 'app.orders'"),
        (lose_one, "documents 'app.orders'"),
        (lambda s: s.command("app", {"dropIndexes": "orders", "index": "at_1"}), "index 'app.orders.at_1'"),
        (lambda s: s.remove("app", "empty"), "collection 'app.empty'"),
        (lambda s: s.ensure("app", "more"), "collection 'app.more'"),
        (lambda s: s.remove("app", "recent"), "collection 'app.recent'"),
        (lambda s: s.command("admin", {"dropUser": "alice"}), "user 'admin.alice'"),
        (lambda s: s.command("admin", {"createUser": "eve", "pwd": "e", "roles": []}), "user 'admin.eve'"),
        (lambda s: s.command("app", {"dropRole": "ops"}), "role 'app.ops'"),
        (lambda s: fill(s, "system.buckets.load", [{"_id": 2}]), "documents 'app.load'"),
    ],
)
def test_change_at_the_target_is_named_and_a_second_restore_undoes_it(
    change: Callable[[SimMongo], None], named: str
) -> None:
    company, _, target = moved()
    change(target)
    assert [difference.split(":")[0] for difference in differences(company)] == [named]
    company.restore(TARGET)
    assert differences(company) == []


def test_changed_option_is_named_and_the_collection_loaded_again() -> None:
    company, _, target = moved()
    target.require("app", "checked").options = bson.encode({**VALIDATED, "validationLevel": "off"})
    assert [d.split(":")[0] for d in differences(company)] == ["option 'app.checked.validationLevel'"]
    assert company.restore(TARGET)["loaded"] == ["app.checked"]
    assert differences(company) == []


def test_second_restore_moves_only_what_has_changed() -> None:
    company, source, _ = moved()
    fill(source, "orders", [{"_id": 99}])
    source.remove("app", "empty")
    company.backup(SOURCE, backup_id="later")
    told = company.restore(TARGET, backup_id="later")
    assert (told["loaded"], told["dropped"]) == (["app.orders"], ["app.empty"])
    assert told["kept"] == ["app.checked", "app.load", "files.fs.chunks"]
    assert differences(company) == []


def test_restore_that_breaks_off_anywhere_is_made_whole_by_the_next() -> None:
    company, _, target = moved()
    whole = len(target.sent)
    for place in range(0, whole, 3):
        target = SimMongo()
        company.doors.servers["target"] = target.session
        target.hooks.append(break_at(place))
        with pytest.raises(UnreachableError):
            company.restore(TARGET)
        target.hooks.clear()
        company.restore(TARGET)
        assert differences(company) == [], place


def break_at(place: int) -> Callable[[SimMongo, str, Mapping[str, Any]], None]:
    """The connection is lost at this command and at all that follow."""

    def hook(server: SimMongo, _name: str, _fields: Mapping[str, Any]) -> None:
        if len(server.sent) > place:
            raise UnreachableError("cannot run a command: connection lost")

    return hook


def test_backup_that_breaks_off_anywhere_leaves_none_and_the_next_is_whole() -> None:
    source, target = build_source(), SimMongo()
    company = build_company(source, target)
    source.sent.clear()
    company.backup(SOURCE, backup_id="trial")
    for place in range(0, len(source.sent), 5):
        source.sent.clear()
        source.hooks.append(break_at(place))
        with pytest.raises(UnreachableError):
            company.backup(SOURCE)
        source.hooks.clear()
        with pytest.raises(NotFoundError):
            company.manifest()
    company.backup(SOURCE)
    company.restore(TARGET)
    assert differences(company) == []


def test_documents_do_not_expire_while_they_are_loaded() -> None:
    company, _, target = moved()
    seen: list[tuple[str, bool]] = []
    target.remove("app", "orders")
    target.hooks.append(lambda s, name, _: seen.append((name, s.parameters["ttlMonitorEnabled"])))
    assert company.restore(TARGET)["ttl_monitor"] == "on"
    assert ("insert", False) in seen
    assert ("insert", True) not in seen
    assert target.parameters["ttlMonitorEnabled"] is True


def refuse(*commands: str) -> Callable[[SimMongo, str, Mapping[str, Any]], None]:
    def hook(_server: SimMongo, name: str, _fields: Mapping[str, Any]) -> None:
        if name in commands:
            raise command_error(f"cannot run {name}: not authorized", 13)

    return hook


@pytest.mark.parametrize(
    ("knows_bypass", "refused", "used"),
    [(True, [], "insert"), (False, [], "update"), (False, ["update"], "applyOps")],
)
def test_zero_timestamps_survive(knows_bypass: bool, refused: list[str], used: str) -> None:
    source, target = SimMongo(), SimMongo(knows_bypass=knows_bypass)
    target.hooks.append(refuse(*refused))
    zeroes = [{"_id": n, "t": Timestamp(0, 0), "inner": {"t": Timestamp(0, 0)}} for n in range(3)]
    fill(source, "zeroes", [*zeroes, {"_id": 9, "t": Timestamp(1, 0)}, {"_id": Timestamp(0, 0)}])
    company = build_company(source, target)
    company.backup(SOURCE)
    company.restore(TARGET)
    assert target.documents("app", "zeroes") == source.documents("app", "zeroes")
    assert used in target.sent


def test_zero_timestamps_that_cannot_be_kept_are_an_error() -> None:
    source, target = SimMongo(), SimMongo()
    fill(source, "zeroes", [{"_id": 1, "t": Timestamp(0, 0)}])
    company = build_company(source, target)
    company.backup(SOURCE)
    target.hooks.append(refuse("update", "applyOps"))
    with pytest.raises(VerificationError, match=r"replaces Timestamp\(0, 0\) by its own time"):
        company.restore(TARGET)


def test_scan_of_a_database_in_use_restores_with_its_doubles_told() -> None:
    source, target = SimMongo(replica_set=None), SimMongo()
    fill(source, "orders", [{"_id": n, "n": n} for n in range(200)])

    def move_one(server: SimMongo, name: str, _fields: Mapping[str, Any]) -> None:
        if name == "find":
            fill(server, "orders", [{"_id": 0, "n": 1000}])  # without its first version gone

    source.hooks.append(move_one)
    company = build_company(source, target)
    assert company.backup(SOURCE)["mode"] == "scan"
    source.hooks.clear()
    told = company.restore(TARGET)
    assert told["inexact"] == {"doubled": {"app.orders": source.sent.count("find") - 2}, "indexes": []}
    assert len(target.documents("app", "orders")) == 200


def test_wrong_data_key_is_denied() -> None:
    company, _, _ = moved()
    with pytest.raises(DeniedError, match="data key is that of another attempt"):
        company.restore(TARGET, data_key=keys.new_data_key())


def damage(company: Company, ending: str, change: Callable[[bytes], bytes | None]) -> None:
    store = company.doors.stores["data"]
    for key in store.keys(ending):
        changed = change(store.objects.pop(key))
        if changed is not None:
            store.objects[key] = changed


@pytest.mark.parametrize("ending", [".pack", "catalog.enc", "MANIFEST.json"])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda raw: raw[:-1], VerificationError),
        (lambda raw: raw[:40] + bytes([raw[40] ^ 1]) + raw[41:], VerificationError),
        (lambda raw: None, NotFoundError),
    ],
)
def test_damaged_backup_is_refused(
    ending: str, change: Callable[[bytes], bytes | None], error: type[DrpError]
) -> None:
    source, target = build_source(), SimMongo()
    company = build_company(source, target)
    company.backup(SOURCE)
    data_key = company.open_key()
    damage(company, ending, change)
    with pytest.raises(error):
        company.restore(TARGET, data_key=data_key)
    assert target.find("app", "orders") is None or ending == ".pack"


def test_index_that_comes_out_different_is_an_error() -> None:
    source, target = build_source(), SimMongo()
    company = build_company(source, target)
    company.backup(SOURCE)

    def forget(_server: SimMongo, name: str, fields: Mapping[str, Any]) -> None:
        if name == "createIndexes" and fields["createIndexes"] == "orders":
            fields["indexes"].pop()

    target.hooks.append(forget)
    with pytest.raises(VerificationError, match=r"indexes of 'app.orders': n_1 came out different"):
        company.restore(TARGET)


def test_index_without_the_collation_of_its_collection_stays_without() -> None:
    source, target = SimMongo(), SimMongo()
    source.command("app", {"create": "names", "collation": {"locale": "sv"}})
    collection = source.require("app", "names")
    swedish = {"v": 2, "key": {"b": 1}, "name": "sv", "collation": {"locale": "sv"}}
    collection.indexes.append(bson.encode({"v": 2, "key": {"a": 1}, "name": "bytes"}))
    collection.indexes.append(bson.encode(swedish))
    company = build_company(source, target)
    company.backup(SOURCE)
    company.restore(TARGET)
    assert target.require("app", "names").indexes[1:] == collection.indexes[1:]


def test_time_series_without_buckets_is_refused() -> None:
    source = SimMongo()
    source.ensure("app", "load", options=bson.encode({"timeseries": {"timeField": "t"}}), kind="timeseries")
    with pytest.raises(RejectedError, match=r"cannot copy time series 'app.load'"):
        build_company(source, SimMongo()).backup(SOURCE)


def test_leftovers_and_what_the_server_keeps_are_not_copied() -> None:
    source, target = SimMongo(), SimMongo()
    source.ensure("app", "tmp.agg_out", options=bson.encode({"temp": True}))
    source.ensure("app", "system.views")
    source.ensure("app", "system.strange")
    fill(source, "system.js", [{"_id": "f", "value": 1}])
    company = build_company(source, target)
    assert company.backup(SOURCE)["skipped"] == [
        "app.system.strange: kept by the server, not known to be copied",
        "app.tmp.agg_out: temporary, left over by an aggregation",
    ]
    company.restore(TARGET)
    fill(target, "system.js", [{"_id": "g", "value": 2}])
    company.restore(TARGET)
    assert decode(target, "system.js") == [{"_id": "f", "value": 1}]


@settings(max_examples=25)
@given(st.lists(documents, max_size=10))
def test_documents_of_every_type_are_restored_byte_for_byte(raws: list[bytes]) -> None:
    source, target = SimMongo(), SimMongo()
    numbered = [bson.encode({"_id": n}) for n in range(len(raws))]
    stored = [glue(first, raw) for first, raw in zip(numbered, raws, strict=True)]
    fill(source, "all", stored)
    company = build_company(source, target)
    company.backup(SOURCE)
    company.restore(TARGET)
    assert target.documents("app", "all") == stored


def glue(first: bytes, second: bytes) -> bytes:
    """One document with the fields of both."""
    body = first[4:-1] + second[4:-1] + b"\0"
    return (len(body) + 4).to_bytes(4, "little") + body
