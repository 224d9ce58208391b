"""One laboratory for all tests of this folder, which are all marked ``lab``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.company import Company, build_company
from tests.lab.disaster import deploy_all
from tests.lab.lab import Lab
from tests.lab.processes import ProcessWatch, watched_processes

_HERE = Path(__file__).parent
TTL = 2
"""Seconds an answer lives in the laboratory's DNS: short, so that a test may see an old one die."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.lab)
    # the search for secrets comes last: it looks at what all others have left
    items.sort(key=lambda item: item.path == _HERE / "test_canaries.py")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Tests share it: each leaves it as it was."""
    with Lab.up() as running:
        yield running


@pytest.fixture(scope="session")
def processes(lab: Lab) -> Iterator[ProcessWatch]:
    """Sees the process tables of the whole run."""
    with watched_processes(lab) as watch:
        yield watch


@pytest.fixture(scope="session")
def company(lab: Lab, processes: ProcessWatch, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Configured, nothing deployed yet: each test file deploys the tenants it wants."""
    return build_company(lab, tmp_path_factory.mktemp("company"), ttl=TTL)


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A laboratory of its own, for it is left with old stacks at both sites; all tenants at home."""
    with doom(tmp_path_factory.mktemp("doomed")) as company:
        yield company


@contextmanager
def doom(folder: Path) -> Iterator[Company]:
    """The same for as long as the block lasts."""
    with Lab.up() as lab:
        made = build_company(lab, folder, ttl=TTL)
        deploy_all(made)
        yield made
