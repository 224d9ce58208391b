"""Exact words of the verbs; ``DRP_GOLDEN=write`` writes them anew."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.errors import UnreachableError
from drp.testing.databases import State
from drp.witness.leases import Holder, Leases
from tests.cli.shell import Shell, check_golden
from tests.commands.bench import DENIED, BeatingClock, Bench, never_alive

ROOT = Path(__file__).parents[2]


def alter(state: State) -> None:
    state["collections"]["app.orders"]["documents"][1] = "altered"


def damage(shell: Shell) -> None:
    shell.company.databases.damage_restored = alter


def block_release(shell: Shell) -> None:
    shell.company.edges["h2"].fail_next("release", DENIED, times=99)


def blind(shell: Shell) -> None:
    damage(shell)
    shell.company.edges["h1"].fail_next("is_held", DENIED, times=99)


def damage_and_block(shell: Shell) -> None:
    damage(shell)
    block_release(shell)


def lease_elsewhere(shell: Shell) -> None:
    holder = Holder(
        owner="eva@ops1", machine="elsewhere", pid=1, process_start="1", run="migrate-310304-zzzz",
        verb="migrate", started="2031-03-04T02:00:00Z",
    )  # fmt: skip
    assert shell.workshop is not None
    leases = Leases(shell.workshop.witness, shell.company.clock, is_alive=never_alive)
    shell.company.clock = BeatingClock(leases, leases.acquire("acme", holder))
    shell.workshop = replace(shell.workshop, is_alive=lambda _: None)


def interrupt(shell: Shell) -> None:
    bench = Bench(shell.state, shell.company)
    bench.cut("after-effect:restore")


def interrupt_late(shell: Shell) -> None:
    bench = Bench(shell.state, shell.company)
    bench.cut("after-effect:route/h1")


def interrupt_and_forget(shell: Shell) -> None:
    interrupt(shell)
    shell.runs = 1
    shutil.rmtree(shell.state)
    content = shell.company.stores["witness"].content
    for key in [key for key in content if key.startswith("journals/")]:
        del content[key]


def ask_later(shell: Shell) -> None:
    assert shell.type("migrate acme --to dc5 --ask-later -q").code == 8


def move_first(shell: Shell) -> None:
    assert shell.type("migrate acme --to dc5 --yes -q").code == 0


def move_and_wait(shell: Shell) -> None:
    move_first(shell)
    shell.company.clock.advance(timedelta(hours=1))


def move_and_come_late(shell: Shell) -> None:
    move_and_wait(shell)
    shell.company.probes.get("192.0.2.10", "acme.example.test", "/", timedelta(seconds=5))
    shell.company.clock.advance(timedelta(seconds=42))


def hide_engine(shell: Shell) -> None:
    shell.company.hosts["h4"].fail_next("state", UnreachableError("cannot reach engine 'h4': no answer"))


def back_up(shell: Shell) -> None:
    assert shell.type("backup acme -q").code == 0
    shell.company.clock.advance(timedelta(seconds=12))


def back_up_and_damage(shell: Shell) -> None:
    back_up(shell)
    damage(shell)


def nothing(shell: Shell) -> None:
    """The world as it is."""


SCENES = {
    "plan-migrate": (nothing, "plan migrate acme --to dc5"),
    "plan-migrate-verbose": (nothing, "plan migrate acme --to dc5 -v"),
    "plan-retire-explained": (move_and_wait, "plan retire acme --from dc3 --explain"),
    "runbook-lint": (nothing, "runbook lint retire"),
    "runbook-show": (nothing, "runbook show retire"),
    "runbook-graph": (nothing, "runbook graph retire --svg -"),
    "plan-retire": (move_and_wait, "plan retire acme --from dc3"),
    "migrate-done": (nothing, "migrate acme --to dc5 --yes"),
    "migrate-quiet": (nothing, "migrate acme --to dc5 --yes -q"),
    "migrate-held": (lease_elsewhere, "migrate acme --to dc5 --yes -q"),
    "migrate-failed": (damage, "migrate acme --to dc5 --yes -q"),
    "migrate-unknown": (blind, "migrate acme --to dc5 --yes -q"),
    "migrate-partial": (block_release, "migrate acme --to dc5 --yes -q"),
    "migrate-stuck": (damage_and_block, "migrate acme --to dc5 --yes -q"),
    "migrate-refused": (nothing, "migrate acme --to dc3 --yes"),
    "migrate-no-terminal": (nothing, "migrate acme --to dc5 -q"),
    "migrate-no-tenant": (nothing, "migrate hooli --to dc5"),
    "retire-too-early": (move_first, "retire acme --from dc3 --yes -q"),
    "retire-late-client": (move_and_come_late, "retire acme --from dc3 --yes -q"),
    "retire-done": (move_and_wait, "retire acme --from dc3 --yes -q"),
    "resume-found": (interrupt, "resume --dry-run"),
    "resume-done": (interrupt, "resume 7f3a --yes -q"),
    "rollback-done": (interrupt, "rollback 7f3a --yes -q"),
    "rollback-refused": (interrupt_late, "rollback acme --yes"),
    "takeover-done": (interrupt, "takeover 7f3a --yes -q"),
    "takeover-dry-run": (interrupt, "takeover 7f3a --dry-run"),
    "cancel-nobody": (interrupt, "cancel 7f3a"),
    "journal-verify": (move_first, "journal verify 7f3a"),
    "migrate-waiting": (nothing, "migrate acme --to dc5 --ask-later -q"),
    "approve-done": (ask_later, "approve 7f3a --yes -q"),
    "resume-unapproved": (ask_later, "resume 7f3a --yes"),
    "status-waiting": (ask_later, "status"),
    "journal-rebuild": (interrupt_and_forget, "journal rebuild acme"),
    "status-quiet": (nothing, "status"),
    "status-silent": (interrupt, "status"),
    "status-run": (interrupt, "status 7f3a"),
    "status-unknown": (nothing, "status zzzz"),
    "plan-failback": (nothing, "plan failback --tenants acme --to dc5"),
    "failback-done": (nothing, "failback --tenants acme --to dc5 --expect-tenants 1 -q"),
    "failback-failed": (damage, "failback --tenants acme --to dc5 --expect-tenants 1 -q"),
    "failback-nobody": (nothing, "failback --tenants acme"),
    "drill-plan": (back_up, "drill run --tenants acme --dry-run"),
    "drill-done": (back_up, "drill run --tenants acme"),
    "drill-failed": (back_up_and_damage, "drill run --tenants acme -q"),
    "drill-no-backup": (nothing, "drill run --sample 1"),
    "explain": (nothing, "explain g7"),
    "explain-unknown": (nothing, "explain X1"),
    "check-well": (nothing, "check config engines stores dns"),
    "check-findings": (hide_engine, "check config engines"),
}


ESCAPES = re.compile(r"[\x1b\r\x07\x08]")


@pytest.mark.parametrize("name", SCENES)
def test_words(shell: Shell, name: str) -> None:
    """Bars 18 and 21: the exact words; without a terminal never an escape code, whoever asks for colour."""
    prepare, line = SCENES[name]
    shell.environment = {**shell.environment, "TERM": "xterm", "FORCE_COLOR": "1"}
    prepare(shell)
    with contextlib.chdir(ROOT):
        said = shell.type(line)
    assert not ESCAPES.search(said.out + said.err)
    check_golden(name, said.show().replace(f"{ROOT}/", ""))


def test_words_of_a_question_and_its_no(shell: Shell) -> None:
    check_golden("migrate-declined", shell.type("migrate acme --to dc5", answer="\n").show())


def test_words_of_configuration_problems(shell: Shell, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        check_golden("config-missing", shell.type("config show").show())
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "drp.yml").write_text("version: 1\nsites: {dc3: {country: FR, contry: FR}}\n")
        check_golden("config-wrong", shell.type("config show").show())
