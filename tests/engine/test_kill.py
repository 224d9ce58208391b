"""SIGKILL of a real process with its journal on disk; a few points here, all of them in ``make certify``."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.engine.sqlite_journal import SqliteJournal
from tests.engine.kills import Killer, count_records, live
from tests.engine.real_run import find_scenario, load_world

FORWARD = ["after-start:b", "middle:c", "after-effect:c", "before-ended:*"]
BACK = ["before-turn:*", "undo-after-start:b", "undo-after-effect:c"]


@pytest.mark.parametrize(
    ("scenario", "fault"), [*(("forward", fault) for fault in FORWARD), *(("back", fault) for fault in BACK)]
)
def test_killed_process_is_resumed_to_the_same_world(tmp_path: Path, scenario: str, fault: str) -> None:
    assert live(tmp_path, scenario, fault=fault).outcome is None

    resumed = live(tmp_path, scenario)

    world = load_world(find_scenario(scenario), tmp_path)
    assert resumed.outcome == ("rolled-back" if scenario == "back" else "done")
    assert world.laid == ({} if scenario == "back" else dict.fromkeys("abcd", "whole"))
    assert world.complaints == []
    size = count_records(tmp_path)
    assert live(tmp_path, scenario).outcome == resumed.outcome
    assert count_records(tmp_path) == size


def test_process_killed_twice_at_the_same_point_still_gets_there(tmp_path: Path) -> None:
    for _ in range(2):
        assert live(tmp_path, "forward", fault="observe-after:d").outcome is None

    assert live(tmp_path, "forward").outcome == "done"


def test_second_match_is_meant_when_the_variable_says_so(tmp_path: Path) -> None:
    live(tmp_path, "forward", fault="after-end:*#3")

    ended = [r.step for r in SqliteJournal(tmp_path / "run.db").read() if r.kind == "done"]
    assert len(ended) == 3


def test_random_scenario_killed_while_it_resumes_and_goes_back(tmp_path: Path) -> None:
    killer = Killer("4", tmp_path)
    killer.kill_at(len(killer.points) * 2 // 3)
    killer.take_back_at(len(killer.points) // 2)

    assert killer.tally.findings == []
    assert killer.tally.crashes >= 2


def test_processes_that_never_look_are_noticed(tmp_path: Path) -> None:
    killer = Killer("forward", tmp_path, blind=True)
    effect = next(at for at, point in enumerate(killer.points, 1) if point.startswith("after-effect:"))
    killer.kill_at(effect, depth=1)

    assert any("is laid twice" in finding for finding in killer.tally.findings)
