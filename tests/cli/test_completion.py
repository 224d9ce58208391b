"""What a shell offers: verbs and options from the grammar, names from what the commands before saw."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drp.cli.completion import complete
from drp.cli.grammar.looking import AREAS
from drp.cli.grammar.shell import SHELLS
from drp.cli.names import Names, find_cache, read_names
from drp.cli.verbs.shell import SCRIPTS
from drp.commands.check.areas import AREAS as KNOWN_AREAS
from tests.cli.shell import Shell
from tests.cli.test_texts import interrupt

ROOT = Path(__file__).parents[2]
NAMES = Names(tenants=("acme", "globex"), sites=("dc3", "dc5"), runs=("7f3a",))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("mig", ["migrate"]),
        ("plan mig", ["migrate"]),
        ("config ", ["init", "show", "schema"]),
        ("migrate ", ["acme", "globex"]),
        ("migrate ac", ["acme"]),
        ("migrate acme ", []),
        ("migrate acme --to ", ["dc3", "dc5"]),
        ("migrate --to dc5 g", ["globex"]),
        ("migrate acme --to=dc5 --y", ["--yes"]),
        ("--json mig", ["migrate"]),
        ("--config elsewhere migrate acme --fr", []),
        ("--dr", ["--dry-run"]),
        ("resume ", ["7f3a", "acme", "globex"]),
        ("status 7", ["7f3a"]),
        ("check engines d", ["dns"]),
        ("retire acme --config ", []),
        ("completion ", [*SHELLS]),
        ("frobnicate a", []),
        ("frobnicate --x a", []),
    ],
)
def test_what_may_come_next(line: str, found: list[str]) -> None:
    """Bar 37: from the grammar and the cache alone."""
    assert complete(line.split(" "), NAMES) == found


def test_areas_that_are_offered_are_those_of_the_check() -> None:
    assert (*KNOWN_AREAS,) == AREAS


def test_commands_leave_their_names(shell: Shell, tmp_path: Path) -> None:
    """Bar 37: the last command's tenants, sites and runs; for their owner only."""
    home = tmp_path / "home"
    shell.environment = {**shell.environment, "HOME": str(home)}
    interrupt(shell)
    shell.type("status")
    assert read_names(shell.environment) == Names(
        tenants=("acme", "globex", "initech"), sites=("dc3", "dc5"), runs=("7f3a",)
    )
    cache = find_cache(shell.environment)
    assert cache is not None
    assert cache.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in cache.parent.iterdir()] == ["names.json"]


@pytest.mark.parametrize("text", ["", "[]", "null", '{"tenants": 7}', "\xff"])
def test_cache_that_is_none_offers_nothing(tmp_path: Path, text: str) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    (tmp_path / "drp").mkdir()
    (tmp_path / "drp" / "names.json").write_text(text, encoding="latin-1")
    assert read_names(environment) == Names()


def test_cache_that_cannot_be_written_stops_no_command(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shell.environment = {**shell.environment, "XDG_CACHE_HOME": str(tmp_path / "file")}
    assert shell.type("status").code == 0


@pytest.mark.parametrize("name", SHELLS)
def test_script_of_each_shell(shell: Shell, name: str) -> None:
    said = shell.type(f"completion {name}")
    assert (said.code, said.out, said.err) == (0, SCRIPTS[name], "")


def test_other_shells_are_refused(shell: Shell) -> None:
    assert shell.type("completion tcsh").code == 2


def test_bash_completes(tmp_path: Path) -> None:
    """Bar 37: with a real bash, offline, without a provider; its time is printed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    cache = tmp_path / "drp" / "names.json"
    cache.parent.mkdir()
    cache.write_text('{"tenants": ["acme"], "sites": ["dc5"], "runs": []}')
    drp = tmp_path / "drp.sh"
    drp.write_text(f'#!/bin/sh\nexec {sys.executable} -m drp "$@"\n')
    drp.chmod(0o755)
    typed = 'COMP_WORDS=(DRP migrate acme --to ""); COMP_CWORD=4; _drp DRP; echo "${COMPREPLY[@]}"'
    script = f"{SCRIPTS['bash']}\n{typed.replace('DRP', str(drp))}\ncomplete -p drp\n"
    began = time.monotonic()
    done = subprocess.run(
        [bash, "--norc", "-c", script], cwd=ROOT,
        env={"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    print(f"completed in {(time.monotonic() - began) * 1000:.0f} ms (bar 200 ms)")
    assert done.stdout.splitlines() == ["dc5", "complete -o default -F _drp drp"]
