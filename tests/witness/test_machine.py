from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from drp.witness.machine import build_holder, find_machine, find_process_start, is_alive

MINE = build_holder("operator@ops1", "migrate-1", "migrate", started="2031-03-04T02:11:00+00:00")


def test_this_process_is_alive() -> None:
    assert MINE.pid == os.getpid()
    assert is_alive(MINE) is True


def test_a_process_that_ended_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = find_process_start(child.pid)
    assert start is not None
    holder = replace(MINE, pid=child.pid, process_start=start)
    assert is_alive(holder) is True

    child.communicate(b"\n")
    assert is_alive(holder) is False


def test_a_dead_child_that_nobody_has_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    found = find_process_start(child.pid)
    child.communicate()

    assert found is None


def test_another_process_with_the_same_number_is_not_the_holder() -> None:
    assert is_alive(replace(MINE, process_start="1")) is False


def test_nothing_is_said_about_other_machines() -> None:
    assert is_alive(replace(MINE, machine="another", pid=1)) is None
    assert is_alive(replace(MINE, machine="")) is None
    assert is_alive(replace(MINE, process_start="")) is None


def test_a_machine_keeps_its_name() -> None:
    assert find_machine() == find_machine()
    assert len(find_machine()) == 16
