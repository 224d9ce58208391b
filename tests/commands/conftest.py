from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A company in which dc3 serves acme, and a desk with an empty state folder."""
    return Bench(tmp_path / "state")
