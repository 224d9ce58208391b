"""Every state a real MongoDB was recorded in, through backup and restore, byte for byte."""

from __future__ import annotations

import bson
import pytest

from drp.dataplane.places import Endpoint
from drp.testing.simmongo.server import SimMongo
from tests.dataplane.backups import Company
from tests.dataplane.recordings import RecordedState, list_states, load_state, serve

pytestmark = pytest.mark.recordings

SOURCE, TARGET = Endpoint(host="source", port=0), Endpoint(host="target", port=0)
SERVERS_OWN = ("admin.", "config.", "local.")


def is_tenants(namespace: str) -> bool:
    return not namespace.startswith(SERVERS_OWN) and not namespace.endswith(
        (".system.views", ".system.profile")
    )


def finished(indexes: list[bytes]) -> list[bytes]:
    return sorted(raw for raw in indexes if "buildUUID" not in bson.decode(raw))


def check_equal(state: RecordedState, server: SimMongo) -> None:
    """Documents in natural order, options, indexes, users and roles: the same bytes."""
    there = {c.namespace: c for c in server.collections if not c.dropped}
    for namespace, (info, indexes) in state.entries.items():
        if not is_tenants(namespace):
            continue
        found = there.pop(namespace)
        documents = server.documents(found.database, found.name)
        if info["options"].get("capped"):
            assert documents == state.documents[namespace]
        else:
            assert sorted(documents) == sorted(state.documents[namespace])
        assert finished(found.indexes) == finished(indexes), namespace
        if ".system." not in namespace:
            assert found.options == bytes(info["options"].raw), namespace
    assert [namespace for namespace in there if is_tenants(namespace)] == []
    for kind in ("users", "roles"):
        assert sorted(server.documents("admin", f"system.{kind}")) == sorted(
            state.documents[f"admin.system.{kind}"]
        )


@pytest.mark.parametrize("name", list_states())
def test_recorded_state_comes_back_byte_for_byte(name: str) -> None:
    state = load_state(name)
    company, source, target = Company(), serve(state), SimMongo()
    source.knows_timeseries_indexes = target.knows_timeseries_indexes = False
    company.doors.servers = {"source": source.session, "target": target.session}
    told = company.backup(SOURCE)
    assert told["mode"] == "snapshot"
    company.restore(TARGET)
    check_equal(state, target)
    assert company.compare((SOURCE, None), (TARGET, None)) == []
