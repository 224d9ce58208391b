"""Reports from journals: on what they rest, what they say, and that they say it again."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from drp.commands.journals import read_local
from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.reports.building import build_report
from drp.reports.html import render_html
from drp.reports.model import NOT_RECORDED
from drp.reports.text import render_text
from tests.cli.shell import Shell, check_golden
from tests.reports.journals import build_failover

MOVED = "migrate-310304-7f3a"


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in which acme was moved."""
    shell = Shell(tmp_path_factory.mktemp("moved"))
    assert shell.type("migrate acme --to dc5 --yes -q").code == 0
    return shell


@pytest.fixture(scope="module")
def moved(typed: Shell) -> list[Record]:
    """Its journal."""
    return read_local(typed.state / f"{MOVED}.journal")


def again(records: list[Record], *, header: bool = True, judged: bool = True) -> list[Record]:
    """The same records as an older drp would have written them."""
    journal = MemoryJournal()
    for record in records:
        data = record.data
        if record.kind == "plan" and not header:
            data = {key: value for key, value in data.items() if key != "header"}
        if record.kind != "judged" or judged:
            draft = Draft(kind=record.kind, step=record.step, attempt=record.attempt, data=data)
            journal.append([draft], Stamp(time=record.time, actor=record.actor, epoch=record.epoch))
    return journal.read()


def mask(text: str) -> str:
    """What changes with every runbook and machine."""
    text = re.sub(r"\d+ records, head [0-9a-f]+", "N records, head HASH", text)
    return text.replace(f"on {socket.gethostname()}", "on HOST")


def test_words_of_a_move(typed: Shell) -> None:
    check_golden("report-migrate", mask(typed.type("report acme").show()))


def test_words_of_many() -> None:
    text = "\n".join(render_text(build_report(build_failover(200))))
    assert len(text.splitlines()) <= 40
    check_golden("report-failover", mask(text) + "\n")


def test_one_journal_gives_one_report(moved: list[Record]) -> None:
    first, second = build_report(moved), build_report(again(moved))
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    assert render_html(first) == render_html(second)


def test_the_file_and_the_copy_in_the_witness_give_one_page(typed: Shell, tmp_path: Path) -> None:
    pages = []
    for name, shell in (("here", typed), ("elsewhere", replace(typed, state=tmp_path / "another"))):
        assert shell.type(f"report acme --html {tmp_path / name}").code == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_figures_are_those_of_the_end_of_the_run(moved: list[Record]) -> None:
    report = build_report(moved)
    only = report.tenants[0]
    assert (report.status, report.exit_code, only.serves, only.freeze_s, only.rpo_s) == (
        "done",
        0,
        "dc5",
        0,
        0,
    )
    assert only.content["documents"] == 3
    assert {found.step: found.numbers for found in only.comparisons}["equal"]["indexes"] == 2


def test_an_older_journal_says_what_was_not_recorded(moved: list[Record]) -> None:
    report = build_report(again(moved, header=False, judged=False))
    data = report.to_json()
    assert (data["status"], data["exit_code"], data["operator"]) == ("unknown", NOT_RECORDED, "ops@here")
    assert report.note == "its steps ended as done; who served then was not recorded"
    assert "None" not in render_html(report) + "\n".join(render_text(report)) + json.dumps(data)


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.99])
def test_a_run_that_broke_off_is_open_and_says_how_to_go_on(moved: list[Record], part: float) -> None:
    report = build_report(moved[: max(int(len(moved) * part), 1)])
    assert (report.status, report.tenants[0].status, report.next) == ("open", "open", "drp resume 7f3a")
    assert "drp resume 7f3a" in render_html(report)


def test_a_failover_that_broke_off_does_not_say_that_all_are_protected() -> None:
    records = build_failover(200)
    claim = "Nobody that was taken over is without a backup"
    assert claim in render_html(build_report(records))
    assert claim not in render_html(build_report(records[:-1]))


def test_what_was_judged_before_a_resume_is_not_believed_after_it(moved: list[Record]) -> None:
    journal = MemoryJournal([record.to_bytes() for record in moved])
    journal.append([Draft(kind="resumed")], Stamp(time=moved[-1].time, actor="eva@ops2", epoch=2))
    report = build_report(journal.read())
    assert report.status == "open"
    assert [(each.actor, each.did) for each in report.sessions] == [
        ("ops@here", ("began",)),
        ("eva@ops2", ("resumed",)),
    ]


def test_many_are_told_apart() -> None:
    report = build_report(build_failover(200))
    assert (report.count("done"), report.count("quarantined"), len(report.skipped)) == (196, 4, 3)
    assert [wave.name for wave in report.waves] == ["silver-1", "silver-2", "silver-3", "silver-4"]
    assert report.next == "drp retry c2d8 --failed"
    assert {each.next for each in report.troubled} == {
        f"drp retry c2d8 --tenants client-0{n}49" for n in range(2)
    } | {f"drp retry c2d8 --tenants client-0{n}99" for n in range(2)}
    assert next(each.misses for each in report.tenants if each.misses) == ("RPO",)


def test_a_thousand_tenants_fit_into_two_megabytes() -> None:
    records = build_failover(1000)
    began = time.monotonic()
    report = build_report(records)
    built = time.monotonic()
    page = render_html(report)
    print(
        f"{len(records)} records: report {built - began:.2f} s,"
        f" page {time.monotonic() - built:.2f} s, {len(page):,} characters"
    )
    assert len(page.encode()) <= 2_000_000
    assert all(each.tenant in page for each in report.tenants)
    assert len(render_text(report)) <= 40


def test_a_page_that_cannot_be_written_is_refused(typed: Shell, tmp_path: Path) -> None:
    said = typed.type(f"report acme --html {tmp_path / 'none' / 'x'}")
    assert (said.code, "cannot write" in said.err) == (4, True)
    assert [*tmp_path.glob("**/*.new")] == []


def test_no_secret_is_in_a_report(typed: Shell, moved: list[Record]) -> None:
    report = build_report(moved)
    told = render_html(report) + json.dumps(report.to_json()) + "\n".join(render_text(report))
    secrets = [secret.reveal() for secret in typed.company.secrets.values()]
    assert len(secrets) > 10
    assert [found for found in secrets if found in told.encode()] == []


def test_the_report_of_a_wrong_history_is_refused(moved: list[Record]) -> None:
    with pytest.raises(Exception, match="does not begin with a plan"):
        build_report([replace(moved[1], seq=1)])
