"""What is told of journals, and what is found in those that are not whole."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from drp.commands.endings import DONE, FINDINGS
from drp.commands.journal_view import Archive
from drp.commands.results import Listing
from drp.engine.journal import hash_of
from drp.errors import RefusedError
from drp.model.values import JsonMap
from tests.commands.bench import Bench

RUN = "migrate-310304-7f3a"


def archive(bench: Bench) -> Archive:
    return Archive(bench.state, bench.workshop.witness, bench.company.inventory)


def findings(listing: Listing) -> list[JsonMap]:
    found = listing.data["findings"]
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, dict)]


def change(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


@pytest.fixture
def run(bench: Bench) -> Path:
    bench.cut("after-effect:restore")
    return bench.state / f"{RUN}.journal"


@pytest.mark.parametrize("word", [RUN, "7f3a", "acme"])
@pytest.mark.parametrize("is_here", [True, False])
def test_records_are_shown_from_here_or_from_the_witness(
    bench: Bench, run: Path, word: str, is_here: bool
) -> None:
    if not is_here:
        shutil.rmtree(bench.state)
    lines = archive(bench).show(word).lines
    assert lines[0].split() == ["seq", "time", "actor", "lease", "kind", "step"]
    assert lines[1].split()[:5] == ["1", "2031-03-04T02:11:00Z", "ops@here", "1", "plan"]
    assert any(line.endswith("yes, ops@here") for line in lines)


def test_records_are_shown_while_the_witness_is_away(bench: Bench, run: Path) -> None:
    bench.company.stores["witness"].down = True
    assert len(archive(bench).show(RUN).lines) > 10


def test_unknown_run_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="cannot find journal 'zzzz'"):
        archive(bench).show("zzzz")


@pytest.mark.parametrize("word", ["", "7f3a"])
def test_whole_journal_is_well(bench: Bench, word: str) -> None:
    bench.launch("migrate", "dc5")
    found = archive(bench).verify(word)
    assert found.ending is DONE
    assert [each["what"] for each in findings(found)] == ["journal", "copy", "plan", "end"]


def test_file_is_verified_where_it_lies(bench: Bench, run: Path, tmp_path: Path) -> None:
    for part in ("", "-wal"):
        shutil.copy(f"{run}{part}", tmp_path / f"kept{part}") if Path(f"{run}{part}").exists() else None
    found = archive(bench).verify(str(tmp_path / "kept"))
    assert found.ending is DONE
    assert "no mark tells if that is all" in found.lines[0]


def test_first_bad_record_is_named(bench: Bench, run: Path) -> None:
    change(run, "UPDATE record SET body = replace(body, 'ops@here', 'eva@here') WHERE seq = 7")
    found = archive(bench).verify("7f3a")
    assert found.ending is FINDINGS
    assert found.lines[0].endswith("record 7 was altered")


def test_journal_that_lost_its_end_is_found(bench: Bench, run: Path) -> None:
    change(run, "DELETE FROM record WHERE seq > 9")
    found = archive(bench).verify("7f3a")
    assert found.ending is FINDINGS
    assert "it ends at record 9, " in found.lines[0]


def test_forged_plan_is_found_by_the_witness(bench: Bench, run: Path) -> None:
    """The whole chain was written anew, and the mark removed."""
    change(run, "DELETE FROM record WHERE seq > 1")
    body = sqlite3.connect(run).execute("SELECT body FROM record").fetchone()[0].replace('"dc5"', '"dc3"')
    change(run, "UPDATE record SET body = ?, hash = ?", body, hash_of(body.encode()))
    run.with_name(f"{run.name}.mark").unlink()
    found = archive(bench).verify("7f3a")
    assert found.ending is FINDINGS
    assert {each["what"] for each in findings(found) if not each["well"]} >= {"copy"}


def test_witness_that_is_away_proves_nothing(bench: Bench, run: Path) -> None:
    bench.company.stores["witness"].down = True
    found = archive(bench).verify(RUN)
    assert found.ending is FINDINGS
    assert [each["well"] for each in findings(found)] == [True, False]
