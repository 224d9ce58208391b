"""Two orders at the same moment; many more of them in ``make certify``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.races import certify_races


@pytest.mark.failure_mode("A5")
def test_of_two_orders_at_the_same_moment_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    tally = certify_races(range(2), tmp_path)
    assert tally.findings == []
    assert tally.races == 2
