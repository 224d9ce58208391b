"""The real process: what it prints and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.bench import Bench

ROOT = Path(__file__).parents[2]


def drp(*words: str, state: Path, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DRP_STATE": str(state),
        "PYTHONPATH": str(ROOT),
        "HOME": str(state),
    }
    return subprocess.run(
        [sys.executable, "-m", "drp", *words],
        env=environment, cwd=state, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_drp_alone_says_what_to_type(tmp_path: Path) -> None:
    done = drp(state=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) <= 24
    assert "drp migrate TENANT --to SITE" in done.stderr


def test_drp_alone_says_what_needs_you(tmp_path: Path) -> None:
    Bench(tmp_path).cut("after-effect:restore")
    done = drp(state=tmp_path)
    assert "✗ migrate-310304-7f3a is running or silent: drp status 7f3a, drp resume 7f3a" in done.stderr
    assert len(done.stderr.splitlines()) <= 24


def test_help_imports_no_provider(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from drp.cli.main import main\n"
        "code = main(['migrate', '--help'])\n"
        "heavy = {'docker', 'boto3', 'dns', 'pymongo', 'redis', 'cryptography', 'sqlite3', 'rich'}\n"
        "ours = [name for name in sys.modules if name.startswith('drp.providers')]\n"
        "print(code, sorted(heavy & set(sys.modules)), ours)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 [] []"


def test_help_goes_to_stdout_and_is_no_failure(tmp_path: Path) -> None:
    done = drp("--help", state=tmp_path)
    assert done.returncode == 0
    assert "Usage: drp" in done.stdout
    assert done.stderr == ""


def test_wrong_arguments_in_json(tmp_path: Path) -> None:
    done = drp("migrat", "acme", "--json", state=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["hello", "error", "result"]
    assert (lines[-1]["status"], lines[-1]["exit_code"], done.returncode) == ("usage", 2, 2)
    assert done.stderr.splitlines() == [
        "✗ usage: cannot read 'drp migrat acme --json': no such command 'migrat' · exit 2"
    ]


def test_first_steps_of_an_operator(tmp_path: Path) -> None:
    assert drp("config", "init", state=tmp_path).returncode == 0
    again = drp("config", "init", state=tmp_path)
    assert (again.returncode, "it exists" in again.stderr) == (4, True)
    unfilled = drp("config", "show", state=tmp_path)
    assert unfilled.returncode == 3
    assert "cannot read image 'HELPER-IMAGE-ID'" in unfilled.stderr
    fill_in(tmp_path / "config" / "drp.yml")
    assert "tenants.acme.home" in drp("config", "show", "acme", state=tmp_path).stdout
    no_key = drp("secrets", "init", state=tmp_path)
    assert (no_key.returncode, "no place for its key" in no_key.stderr) == (4, True)


def fill_in(path: Path) -> None:
    text = path.read_text()
    for name in ("HELPER", "EDGE", "API", "MONGODB", "REDIS"):
        text = text.replace(f"{name}-IMAGE-ID", f"sha256:{name.encode().hex():0<64}")
    path.write_text(text)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A folder with a configuration and a sealed file made by drp itself."""
    drp("config", "init", state=tmp_path)
    fill_in(tmp_path / "config" / "drp.yml")
    assert drp("secrets", "init", "--key-file", "drp.key", state=tmp_path).returncode == 0
    return tmp_path


def test_secrets_that_drp_can_make_are_made_and_the_rest_named(sealed: Path) -> None:
    listed = drp("secrets", "list", "--key-file", "drp.key", "--json", state=sealed)
    data = json.loads(listed.stdout.splitlines()[-1])["data"]
    assert listed.returncode == 11
    assert data["secrets"] == ["acme.backup", "acme.root", "acme.token", "dc3.signer", "dc5.signer"]
    assert data["missing"] == ["h1", "h3", "backups", "keys", "witness", "tsig", "acme.tls"]
    assert (sealed / "drp.key").stat().st_mode & 0o777 == 0o600
    assert (sealed / "config" / "keys" / "acme.backup.pub").is_file()


def test_secret_is_set_from_a_file_and_never_shown(sealed: Path) -> None:
    (sealed / "h1.json").write_text("canary-4711")
    done = drp("secrets", "set", "h1", "--file", "h1.json", "--key-file", "drp.key", state=sealed)
    listed = drp("secrets", "list", "--key-file", "drp.key", state=sealed)
    assert done.returncode == 0
    assert "✓ h1" in listed.stdout
    assert "4711" not in done.stdout + done.stderr + listed.stdout + listed.stderr
    assert b"4711" not in (sealed / "config" / "secrets.sealed").read_bytes()


def test_secret_is_not_replaced_without_a_yes(sealed: Path) -> None:
    (sealed / "h1.json").write_text("first")
    words = ("secrets", "set", "h1", "--file", "h1.json", "--key-file", "drp.key")
    assert drp(*words, state=sealed).returncode == 0
    refused = drp(*words, state=sealed)
    assert (refused.returncode, "Add `--yes` to the command." in refused.stderr) == (4, True)
    assert drp(*words, "--yes", state=sealed).returncode == 0


def test_secrets_init_again_makes_nothing_anew(sealed: Path) -> None:
    before = (sealed / "config" / "keys" / "acme.backup.pub").read_bytes()
    again = drp("secrets", "init", "--key-file", "drp.key", "--json", state=sealed)
    assert json.loads(again.stdout.splitlines()[-1])["data"]["made"] == []
    assert (sealed / "config" / "keys" / "acme.backup.pub").read_bytes() == before


def test_sealed_file_opens_with_its_own_key_only(sealed: Path) -> None:
    other = sealed / "other"
    other.mkdir()
    drp("config", "init", state=other)
    fill_in(other / "config" / "drp.yml")
    drp("secrets", "init", "--key-file", "other.key", state=other)
    done = drp("secrets", "list", "--key-file", str(other / "other.key"), state=sealed)
    assert done.returncode == 4
    assert "this key is not among those it was sealed for" in done.stderr
