"""What drp promises to whoever types it, by number; a test says in its docstring which bar it keeps."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final

import pytest

import drp
import drp.errors
from drp.cli.answers import Answers
from drp.cli.arguments import parse_arguments
from drp.cli.end_text import render_end
from drp.cli.grammar.catalogue import VERBS
from drp.cli.progress_text import render_progress
from drp.cli.screen import open_screen
from drp.cli.status_text import render_status
from drp.commands.endings import DONE, UNKNOWN
from drp.commands.events import NOBODY, ProgressEvent, QuestionEvent
from drp.commands.journals import read_local
from drp.commands.results import RunFact, RunReport, Served, StatusReport
from drp.commands.runs import SUFFIX, StateFolder
from drp.errors import DrpError
from drp.model.values import render_list
from drp.testing.clock import START
from drp.testing.databases import State
from drp.witness.journal_copy import ROOT
from tests.cli.shell import GOLDEN, Shell, Stream
from tests.cli.test_arguments import list_nodes, text_of
from tests.cli.test_texts import ESCAPES, damage, interrupt, lease_elsewhere, move_first, nothing
from tests.commands.test_estimates import put_run

TESTS: Final = Path(__file__).parents[1]
SOURCES: Final = [path for path in Path(drp.__file__).parent.rglob("*.py") if "testing" not in path.parts]
NOT_YET: Final[dict[int, str]] = {}
"""Bars of verbs that are not there yet, each with its reason."""


def question(flag: str) -> QuestionEvent:
    return QuestionEvent(code="approve", text="Sure?", flag=flag)


def list_bars() -> set[int]:
    """The numbers that the tests name."""
    found = set()
    for path in [*TESTS.glob("cli/test_*.py"), *TESTS.glob("commands/test_*.py")]:
        for node in list_nodes(path):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                words = re.findall(r"\bBars? ([\d, and]+)", ast.get_docstring(node) or "")
                found |= {int(number) for word in words for number in re.findall(r"\d+", word)}
    return found


def test_every_bar_has_a_test_or_a_reason() -> None:
    assert {*range(1, 32 + 1), *range(33, 39)} - list_bars() == NOT_YET.keys()


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


# words and options


@pytest.mark.parametrize("words", [["--help"], ["migrate", "--help"]])
def test_help_answers_at_once(words: list[str]) -> None:
    """Bar 2: its time is printed; what costs time is not imported."""
    script = (
        "import sys, time\n"
        "began = time.monotonic()\n"
        "from drp.cli.main import main\n"
        f"code = main({words!r})\n"
        "took = time.monotonic() - began\n"
        "heavy = {'docker', 'boto3', 'dns', 'pymongo', 'redis', 'cryptography', 'sqlite3', 'rich'}\n"
        "ours = [name for name in sys.modules if name.startswith('drp.providers')]\n"
        "print(code, sorted(heavy & set(sys.modules)), ours)\n"
        "print(round(took * 1000), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True,
        cwd=TESTS.parent,
    )  # fmt: skip
    print(f"{' '.join(words)} in {done.stderr.strip()} ms (bar 300 ms)")
    assert done.stdout.splitlines()[-1] == "0 [] []"


@pytest.mark.parametrize("verb", VERBS)
def test_second_example_runs_and_speaks_json(shell: Shell, verb: str, tmp_path: Path) -> None:
    """Bars 3, 12 and 35: it ends as its help says; hello first, result last, and the code of the process."""
    folder = tmp_path / "none"
    line = VERBS[verb].examples[1].removeprefix("drp ")
    said = shell.type(
        f"{line} --json --config {folder}" if " init" not in line else f"{line} --json --dry-run"
    )
    assert said.code in {0, 2, 3, 70, 130, *VERBS[verb].codes}
    assert said.code != 70, said.out
    lines = said.lines()
    assert (lines[0]["kind"], lines[0]["verb"]) == ("hello", verb)
    assert (lines[-1]["kind"], lines[-1]["exit_code"]) == ("result", said.code)


def test_each_prompt_has_a_flag_that_its_verbs_take() -> None:
    """Bar 5: and nobody prompts but the one who knows the flags."""
    flags, prompters = set(), set()
    for path in SOURCES:
        for node in list_nodes(path):
            if not isinstance(node, ast.Call):
                continue
            called = name_of(node)
            if called == "QuestionEvent":
                flags |= {text_of(word.value) for word in node.keywords if word.arg == "flag"}
            if called in ("input", "readline", "getpass", "prompt"):
                prompters.add(path.name)
    assert flags
    for flag in flags:
        given = re.sub(r"\{.*\}", "3", flag).replace("DURATION", "5m")
        assert parse_arguments(f"failover --from dc3 --to dc5 --all {given}".split()) is not None
    assert prompters == {"answers.py"}


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (nothing, "migrate acme --to dc5"),
        (interrupt, "resume 7f3a"),
        (interrupt, "rollback 7f3a"),
    ],
)
def test_without_a_terminal_nobody_is_asked(shell: Shell, prepare: object, line: str) -> None:
    """Bar 6: code 4, the flag that answers is named, nothing is touched."""
    prepare(shell)  # type: ignore[operator]
    before = picture(shell)
    said = shell.type(line)
    assert (said.code, "[y/N]" in said.err) == (4, False)
    assert "Add `--yes` to the command." in said.words
    assert picture(shell) == before


def test_yes_answers_nothing_but_its_own_questions() -> None:
    """Bar 7: no count, no loss, no mode."""
    answers = Answers(Stream(), open_screen(Stream(), {}), yes=True, may_ask=False)
    assert answers.ask(question("--yes"))
    for flag in ("--expect-tenants N", "--accept-loss TIME", "--mode disaster"):
        with pytest.raises(DrpError) as refused:
            answers.ask(question(flag))
        assert (refused.value.exit_code, flag in refused.value.hint) == (4, True)


@pytest.mark.parametrize("typed", ["\n", "", "yes please\n"])
@pytest.mark.parametrize(
    ("prepare", "line"), [(nothing, "migrate acme --to dc5"), (interrupt, "resume 7f3a")]
)
def test_all_but_yes_is_no(shell: Shell, prepare: object, line: str, typed: str) -> None:
    """Bar 8: Enter above all."""
    prepare(shell)  # type: ignore[operator]
    before = picture(shell)
    said = shell.type(line, answer=typed)
    assert (said.code, "the answer was no" in said.words) == (4, True)
    assert picture(shell) == before


@pytest.mark.parametrize(
    "line",
    [
        "failover --from dc3 --to dc5 --yes",
        "failover --from dc3 --to dc5 --tenants acme --except acme --yes",
        "failover --from dc3 --to dc5 --tier none --yes",
        "backup",
    ],
)
def test_empty_selection_is_refused(shell: Shell, line: str) -> None:
    """Bar 9: nothing said is not everybody, and nobody found is no success."""
    before = picture(shell)
    assert shell.type(line).code == 4
    assert picture(shell) == before


@pytest.mark.parametrize("more", ["", " -v --explain"])
def test_dry_run_and_plan_say_the_same(shell: Shell, more: str) -> None:
    """Bar 10: byte for byte."""
    assert shell.type(f"plan migrate acme --to dc5{more}") == shell.type(
        f"migrate acme --to dc5 --dry-run{more}"
    )


# what stays untouched, and unsaid


class Prompt(Stream):
    """A terminal whose operator looks at the world instead of answering."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(terminal=True)
        self._shell = shell
        self.seen: list[object] = []

    def readline(self, *_: object) -> str:  # type: ignore[override]
        self.seen.append(picture(self._shell))
        return ""


def test_nothing_is_there_while_it_asks(shell: Shell) -> None:
    """Bar 13: so that kill -9 at the prompt leaves nothing."""
    before, prompt = picture(shell), Prompt(shell)
    shell.run("migrate acme --to dc5", prompt, Stream(), Stream(terminal=True))
    assert prompt.seen == [before]


def picture(shell: Shell) -> object:
    """The world, the witness and what the folder of the runs tells."""
    folder = StateFolder(shell.state)
    records = {run: read_local(folder.journal(run)) for run in folder.runs()}
    others = sorted(path.name for path in shell.state.glob("*") if SUFFIX not in path.name)
    # a run that was just cut off may still be busy copying its journal
    found = shell.company.stores["witness"].dump()
    assert isinstance(found, dict)
    witness = {key: digest for key, digest in found.items() if not key.startswith(ROOT)}
    return shell.company.dump(), witness, records, others


def test_literal_secret_is_refused_and_not_repeated(shell: Shell, tmp_path: Path) -> None:
    """Bar 16."""
    (tmp_path / "drp.yml").write_text(
        "version: 1\nwitness: far\nstores:\n  far: {kind: s3, url: 'https://s3.example.net', bucket: drp, "
        "place: far, key: CANARY4711}\n"
    )
    said = shell.type(f"config show --config {tmp_path}")
    assert (said.code, "a secret must not stand here" in said.words) == (3, True)
    assert "CANARY4711" not in said.out + said.err


CANARY = "canary-document-4711"


def plant(state: State) -> None:
    state["collections"]["app.orders"]["documents"][1] = CANARY


@pytest.mark.parametrize("options", ["-v --explain", "--json"])
@pytest.mark.parametrize("line", ["migrate acme --to dc5 --yes", "plan migrate acme --to dc5"])
def test_no_secret_and_no_content_is_told(shell: Shell, line: str, options: str) -> None:
    """Bar 17: in no output, log, journal, nor in its copy."""
    shell.company.databases.damage_restored = plant
    said = shell.type(f"{line} {options}")
    written = [path.read_bytes() for path in shell.state.rglob("*") if path.is_file()]
    copied = json.dumps(shell.company.stores["witness"].dump(), default=str).encode()
    all_of_it = b"\n".join([said.out.encode(), said.err.encode(), *written, copied])
    assert CANARY.encode() not in all_of_it
    secrets = [secret.reveal() for secret in shell.company.secrets.values()]
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in all_of_it] == []


# errors


ERRORS = {
    name for name, found in vars(drp.errors).items()
    if isinstance(found, type) and issubclass(found, DrpError) and name != "BugError"
}  # fmt: skip
GRAMMAR = re.compile(r"(cannot [^:']*('[^']*'|\{|[a-z])[^:]*|.*'\{.*\}'.*): .+", re.S)


def iter_messages() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for node in list_nodes(path):
            if isinstance(node, ast.Call) and name_of(node) in ERRORS and node.args:
                text = text_of(node.args[0])
                if text:
                    yield f"{path.name}:{node.lineno}", text


def test_messages_keep_to_the_grammar() -> None:
    """Bar 18: cannot VERB 'OBJECT': CAUSE, without a full stop."""
    found = [*iter_messages()]
    assert len(found) > 150
    wrong = [
        (place, text)
        for place, text in found
        if not text.startswith("{") and (not GRAMMAR.fullmatch(text) or text.endswith("."))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "error",
    [found for name, found in vars(drp.errors).items() if name in ERRORS],
)
def test_every_error_has_a_state_and_a_hint(shell: Shell, error: type[DrpError]) -> None:
    """Bar 18: also in JSON."""

    def fail(_: object) -> None:
        if error is drp.errors.ConfigError:
            raise drp.errors.ConfigError([])
        more = {"retry_after": 1.0} if error is drp.errors.RateLimitedError else {}
        raise error("cannot reach 'h9': no answer", **more)  # type: ignore[arg-type]

    shell.open = fail  # type: ignore[assignment]
    said = shell.type("status")
    if error is not drp.errors.ConfigError:
        assert "    state  nothing was touched\n    hint   " in said.err
        (told,) = [line for line in shell.type("status --json").lines() if line["kind"] == "error"]
        assert {"verb", "object", "cause", "state", "hint"} <= told.keys()
    assert re.findall(r"drp [a-z-]", said.err)


# the end of a command


def iter_ends() -> Iterator[tuple[str, str]]:
    """What runs have said last, by the golden texts; not drills, which touch nobody who serves."""
    for path in sorted(GOLDEN.glob("*.txt")):
        block = path.read_text().partition("[stdout]\n")[2].partition("[exit")[0]
        if re.search(r"(?<!drill)-\d{6}-\w{4} · [^\n]*exit \d+$", block, re.M):
            yield path.stem, block


@pytest.mark.parametrize(("name", "block"), [*iter_ends()])
def test_end_says_who_serves_and_since_when_that_is_known(name: str, block: str) -> None:
    """Bar 30."""
    assert re.search(r"\bprobed (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d [A-Z]{3,4}", " ".join(block.split())), block
    assert re.search(r"served by|nobody serves|cannot prove who serves|is not proven", block), block


def test_there_are_ends_of_each_kind() -> None:
    """Bar 30: of all kinds of ends that a run can have."""
    codes = {re.findall(r"exit (\d+)", block)[0] for _, block in iter_ends()}
    assert {"0", "6", "7", "9", "10"} <= codes


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_no_time_without_zone_and_no_rate_without_unit(path: Path) -> None:
    """Bar 31."""
    text = path.read_text()
    zoned = re.findall(r"\d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{3,4}|[+-]\d\d:\d\d|Z)", text)
    assert len(zoned) == len(re.findall(r"\d\d:\d\d:\d\d", text))
    assert re.findall(r"\d/s\b|(?i:memory|disk|size) \d+(?! ?[kKMGT]?i?B)", text) == []


@pytest.mark.parametrize("done", [0, 7, 10**4, 10**7, 10**13])
def test_sizes_carry_their_unit(done: int) -> None:
    """Bar 31."""
    event = ProgressEvent(
        step="s", stage="t", tenant="acme", done=done, total=10**13, unit="bytes", rate=float(done)
    )
    amounts = re.findall(r"[\d,.]+ ?(\S*)", render_progress(event))
    assert {amount.removesuffix("/s") for amount in amounts} <= {"B", "kB", "MB", "GB", "TB"}


def test_duration_is_told_from_three_runs_on(shell: Shell) -> None:
    """Bar 32: with its spread; where less is known, nothing."""
    for number, seconds in enumerate((230, 310)):
        put_run(shell.company.stores["witness"], number, seconds)
    assert "duration" not in shell.type("plan migrate acme --to dc5").out
    put_run(shell.company.stores["witness"], 2, 260)
    assert (
        "  duration        4m20s ± 40s (last 3: 16 % off)\n" in shell.type("plan migrate acme --to dc5").out
    )
    said = shell.type("migrate acme --to dc5 --yes")
    assert ", ETA 4m20s +- 40s\n" in said.err
    # and this run is one more
    assert "(last 4: " in shell.type("plan migrate acme --to dc3").out


def build_report(**more: object) -> RunReport:
    served = Served(tenant="acme", site="dc5", writes=True, probed=START)
    fields = {
        "ending": DONE, "run": "migrate-310304-7f3a", "verb": "migrate", "served": served, "began": START,
        "seconds": 12_000.0, "stages": {f"a-rather-long-stage-{n}": 3_000.0 for n in range(12)},
        "home": "dc3", "home_place": "config/tenants/acme.yml:14:11", "next": "drp retire acme --from dc3",
        "figures": {
            "freeze_ms": 1904, "content": {"documents": 10**9, "indexes": 1000, "redis_keys": 10**9},
            "dns": {f"198.51.100.{n}": ["dc5.example.test."] for n in range(40)},
        },
    }  # fmt: skip
    return RunReport(**{**fields, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", [DONE, UNKNOWN])
def test_final_block_is_short(ending: object) -> None:
    """Bar 33."""
    open_steps = tuple(f"some/step/{number}" for number in range(400))
    lines = render_end(build_report(ending=ending, open_steps=open_steps), UTC)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 100


def test_final_block_is_the_last_of_all(shell: Shell) -> None:
    """Bar 33: after all that is told on the way."""
    both = Stream(terminal=True)
    shell.environment = {**shell.environment, "TERM": "xterm"}
    shell.run("migrate acme --to dc5 --yes", Stream(), both, both)
    text = both.getvalue()
    end = text[text.rindex("done and proven") :]
    assert end.rstrip().endswith("once the old addresses have drained")
    assert not ESCAPES.search(end)


@pytest.mark.parametrize("count", [1, 1000])
def test_status_is_short_for_any_fleet(count: int) -> None:
    """Bars 33 and 34: ten of a kind at most, then how many more and the command that shows them."""
    names = [f"tenant-{number:04}" for number in range(count)]
    served = tuple(Served(tenant=name, site=NOBODY, writes=None, probed=START) for name in names)
    runs = tuple(
        RunFact(run=f"migrate-310304-{number:04}", verb="migrate", tenant=name, owner="ops@here",
                began="2031-03-04T02:00:00Z", status="silent", source="dc3/h1", target="dc5/h3")
        for number, name in enumerate(names)
    )  # fmt: skip
    lines = render_status(StatusReport(at=START, sites=("dc3", "dc5"), served=served, runs=runs), UTC)
    assert len(lines) <= 24
    cut = [line for line in lines if line.startswith("  +")]
    assert cut == ([] if count == 1 else ["  +995: drp status --json"] * 2)


def test_lists_end_with_a_count() -> None:
    """Bar 34."""
    assert render_list([str(number) for number in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert render_list([str(number) for number in range(13)]).endswith(", 9, +3")


def test_unknown_tenant_is_answered_with_some_that_are_known(shell: Shell) -> None:
    """Bar 34: and the command that names all."""
    assert "see `drp status`." in shell.type("migrate hooli --to dc5").words


@pytest.mark.parametrize(
    ("prepare", "line", "word"),
    [
        (nothing, "migrate acme --to dc5 --yes", "done"),
        (damage, "migrate acme --to dc5 --yes", "as-before"),
        (interrupt, "resume 7f3a --yes", "done"),
        (interrupt, "rollback 7f3a --yes", "done"),
    ],
)
def test_end_of_a_run_is_told_once(shell: Shell, prepare: object, line: str, word: str) -> None:
    """Bar 33: whoever looks at the lines sees one end."""
    prepare(shell)  # type: ignore[operator]
    said = shell.type(line)
    assert len(re.findall(rf" run +{word}\b", said.err)) == 1


def test_second_run_is_told_who_since_when_at_what(shell: Shell) -> None:
    """Bar 38."""
    lease_elsewhere(shell)
    said = shell.type("migrate acme --to dc5 --yes -q")
    assert said.code == 5
    for part in ("eva@ops1", "since 2031-03-04T02:00:00Z", "(migrate)", "dc3 serves", "`drp status zzzz`"):
        assert part in said.words


def test_nothing_is_coloured_but_the_words_are_the_same(shell: Shell) -> None:
    """Bar 23."""
    move_first(shell)
    line = "retire acme --from dc3 --yes"
    plain = shell.type(line, answer="")
    shell.environment = {**shell.environment, "TERM": "xterm"}
    coloured = shell.type(line, answer="")
    assert "\x1b[" in coloured.err
    assert re.sub(r"\x1b\[\d+m", "", coloured.err) == plain.err
