"""The verbs about backups as they are typed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.cli.shell import Shell


def test_backups_are_taken_listed_verified_and_pruned(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell.type("backups list acme").code == 11
    said = shell.type("backup acme -q")
    assert (said.code, "holds     acme 3 documents" in said.out) == (0, True)
    said = shell.type("backups list")
    assert (said.code, "3 documents" in said.out) == (11, True)
    assert shell.type("backups verify --all").out.startswith("✓ 1 of 1 whole")
    shell.company.clock.advance(timedelta(days=40))
    assert shell.type("backup acme -q").code == 0
    assert shell.type("backups prune acme --keep 35d").code == 4
    said = shell.type("backups prune acme --keep 35d", answer="y\n")
    assert (said.code, "1 removed" in said.out, "Remove 1 backup" in said.err) == (0, True, True)
    assert shell.type("backups list acme --json").lines()[-1]["status"] == "done"


def test_whose_backups_are_meant_must_be_said(tmp_path: Path) -> None:
    said = Shell(tmp_path).type("backups prune --keep 35d")
    assert (said.code, "say which tenants are meant" in said.words) == (4, True)
