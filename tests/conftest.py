"""Rules for all tests: no property has a deadline; without an engine `lab` is left out, but never on CI."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.lab.preflight import find_obstacles

settings.register_profile("drp", deadline=None)
settings.load_profile("drp")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab") is None:
        return
    obstacles = find_obstacles()
    if obstacles:
        reason = f"no laboratory can be started here: missing {', '.join(obstacles)}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
