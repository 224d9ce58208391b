from __future__ import annotations

import pytest

from drp.errors import ConflictError
from drp.testing.objects import FakeObjects
from drp.witness.runs import RunName, Runs
from tests.witness.builders import BEGIN, build_begin, build_end


@pytest.fixture
def runs() -> Runs:
    return Runs(FakeObjects())


def test_a_run_is_open_until_it_ends(runs: Runs) -> None:
    runs.begin(BEGIN)
    assert [entry.begin for entry in runs.iter_open("acme")] == [BEGIN]

    runs.end(build_end())
    assert list(runs.iter_open()) == []
    assert runs.names() == [RunName(scope="acme", run=BEGIN.run, is_ended=True)]


def test_another_machine_reads_begin_and_end(runs: Runs) -> None:
    runs.begin(BEGIN)
    runs.end(build_end())

    entry = runs.find(BEGIN.run)
    assert entry is not None
    assert (entry.begin, entry.end) == (BEGIN, build_end())


def test_the_tail_of_an_id_is_enough_when_it_is_the_only_one(runs: Runs) -> None:
    runs.begin(build_begin("migrate-310304-7f3a"))
    runs.begin(build_begin("failover-310304-c2d8", scope="all"))

    found = runs.find("c2d8")
    assert found is not None
    assert found.begin.run == "failover-310304-c2d8"
    assert runs.find("2d8") is None
    assert runs.find("0000") is None


def test_an_ambiguous_tail_names_all_it_may_be(runs: Runs) -> None:
    runs.begin(build_begin("migrate-310304-7f3a"))
    runs.begin(build_begin("migrate-310305-7f3a", scope="globex"))

    with pytest.raises(ConflictError, match="it may be migrate-310304-7f3a, migrate-310305-7f3a"):
        runs.find("7f3a")


def test_runs_come_in_the_order_of_their_begin(runs: Runs) -> None:
    runs.begin(build_begin("b-1", began="2031-03-04T02:00:00+00:00"))
    runs.begin(build_begin("a-2", began="2031-03-04T03:00:00+00:00"))
    runs.begin(build_begin("c-0", scope="globex", began="2031-03-04T01:00:00+00:00"))

    assert [entry.begin.run for entry in runs.load()] == ["c-0", "b-1", "a-2"]
    assert [entry.begin.run for entry in runs.load("acme")] == ["b-1", "a-2"]


def test_a_name_is_used_once(runs: Runs) -> None:
    runs.begin(BEGIN)
    runs.begin(BEGIN)

    with pytest.raises(ConflictError, match="a run of that name exists"):
        runs.begin(build_begin(BEGIN.run, began="2031-03-05T00:00:00+00:00"))


def test_a_run_ends_in_one_way_only(runs: Runs) -> None:
    runs.begin(BEGIN)
    runs.end(build_end(status="done"))
    runs.end(build_end(status="done"))

    with pytest.raises(ConflictError, match="as stuck: it ended as done"):
        runs.end(build_end(status="stuck"))
