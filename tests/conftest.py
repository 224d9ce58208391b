"""Tests that need engines: left out where none can be started, but never on a CI machine."""

from __future__ import annotations

import os

import pytest

from tests.lab.preflight import find_obstacles


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab") is None:
        return
    obstacles = find_obstacles()
    if obstacles:
        reason = f"no laboratory can be started here: missing {', '.join(obstacles)}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
