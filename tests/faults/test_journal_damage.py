"""Damaged journals are repaired or refused, never read shorter in silence; all seeds in ``make certify``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.commands.journals import Memory, recall
from drp.testing.journal_damage import certify_journal

SAMPLE = 40


@pytest.mark.failure_mode("B3")
def test_damaged_journals_are_repaired_or_refused(tmp_path: Path) -> None:
    tally = certify_journal(range(SAMPLE), tmp_path)
    assert tally.findings == []
    assert tally.whole + tally.repaired + tally.refused == SAMPLE
    assert min(tally.whole, tally.repaired, tally.lacking) > 0


def test_a_journal_taken_for_whole_without_its_mark_is_noticed(tmp_path: Path) -> None:
    """The harness would see a product that trusts what SQLite says."""

    def trust(path: Path, *rest: object) -> Memory:
        path.with_name(f"{path.name}.mark").unlink(missing_ok=True)
        return replace(recall(path, *rest), may_lack=False)  # type: ignore[arg-type]

    tally = certify_journal(range(SAMPLE), tmp_path, recall=trust)
    assert any("took them for all" in finding for finding in tally.findings)
