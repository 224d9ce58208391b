"""One engine for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.docker.engines import EngineMachine, build_shell_image, engines


@pytest.fixture(scope="module")
def machine() -> Iterator[EngineMachine]:
    with engines("h1") as (running,), running.net():
        yield running


@pytest.fixture(scope="module")
def image(machine: EngineMachine) -> str:
    return machine.add_image(build_shell_image())
