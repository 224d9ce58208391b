from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A company in which dc3 serves acme, and a shell with an empty state folder."""
    return Shell(tmp_path / "state")
