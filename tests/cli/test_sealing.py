"""The first steps of an operator: configuration, sealed file, secrets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.model.values import JsonMap
from tests.cli.shell import Said, Shell


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The folder in which drp is typed."""
    with contextlib.chdir(tmp_path):
        yield tmp_path


def fill_in(path: Path) -> None:
    text = path.read_text()
    for name in ("HELPER", "EDGE", "API", "MONGODB", "REDIS"):
        text = text.replace(f"{name}-IMAGE-ID", f"sha256:{name.encode().hex():0<64}")
    path.write_text(text)


@pytest.fixture
def sealed(shell: Shell, home: Path) -> Path:
    """A folder with a configuration and a sealed file made by drp itself."""
    shell.type("config init")
    fill_in(home / "config" / "drp.yml")
    assert shell.type("secrets init --key-file drp.key").code == 0
    return home


def data_of(said: Said) -> JsonMap:
    data = said.lines()[-1]["data"]
    assert isinstance(data, dict)
    return data


def test_first_configuration_says_what_to_fill_in(shell: Shell, home: Path) -> None:
    assert shell.type("config init --dry-run").code == 0
    assert not (home / "config").exists()
    assert shell.type("config init").code == 0
    unfilled = shell.type("config show")
    assert unfilled.code == 3
    assert "cannot read image 'HELPER-IMAGE-ID'" in unfilled.words
    fill_in(home / "config" / "drp.yml")
    assert "tenants.acme.home" in shell.type("config show acme").out


def test_configuration_is_never_overwritten(shell: Shell, home: Path) -> None:
    shell.type("config init")
    (home / "config" / "drp.yml").write_text("mine")
    again = shell.type("config init")
    assert (again.code, "it exists" in again.words) == (4, True)
    assert (home / "config" / "drp.yml").read_text() == "mine"


def test_sealed_file_needs_a_place_for_its_key(shell: Shell, home: Path) -> None:
    shell.type("config init")
    fill_in(home / "config" / "drp.yml")
    said = shell.type("secrets init")
    assert (said.code, "there is no place for its key" in said.words) == (4, True)
    assert not (home / "config" / "secrets.sealed").exists()


def test_secrets_that_drp_can_make_are_made_and_the_rest_named(shell: Shell, sealed: Path) -> None:
    listed = shell.type("secrets list --key-file drp.key --json")
    assert listed.code == 11
    data = data_of(listed)
    assert data["secrets"] == ["acme.backup", "acme.root", "acme.token", "dc3.signer", "dc5.signer", "guards"]
    assert data["missing"] == ["h1", "h3", "backups", "keys", "witness", "tsig", "acme.tls"]
    assert (sealed / "drp.key").stat().st_mode & 0o777 == 0o600
    assert (sealed / "config" / "keys" / "acme.backup.pub").is_file()


def test_secret_is_set_from_a_file_and_never_shown(shell: Shell, sealed: Path) -> None:
    (sealed / "h1.json").write_text("canary-4711")
    done = shell.type("secrets set h1 --file h1.json --key-file drp.key")
    listed = shell.type("secrets list --key-file drp.key")
    assert done.code == 0
    assert "✓ h1" in listed.out
    assert "4711" not in done.out + done.err + listed.out + listed.err
    assert b"4711" not in (sealed / "config" / "secrets.sealed").read_bytes()


def test_secret_is_not_replaced_without_a_yes(shell: Shell, sealed: Path) -> None:
    (sealed / "h1.json").write_text("first")
    line = "secrets set h1 --file h1.json --key-file drp.key"
    assert shell.type(line).code == 0
    before = (sealed / "config" / "secrets.sealed").read_bytes()
    refused = shell.type(line)
    assert (refused.code, "Add `--yes` to the command." in refused.words) == (4, True)
    assert shell.type(line, answer="\n").code == 4
    assert (sealed / "config" / "secrets.sealed").read_bytes() == before
    assert shell.type(line, answer="y\n").code == 0


def test_secrets_init_again_makes_nothing_anew(shell: Shell, sealed: Path) -> None:
    before = (sealed / "config" / "keys" / "acme.backup.pub").read_bytes()
    again = shell.type("secrets init --key-file drp.key --json")
    assert data_of(again)["made"] == []
    assert (sealed / "config" / "keys" / "acme.backup.pub").read_bytes() == before


def test_private_half_that_is_lost_is_not_made_anew_behind_a_public_one(shell: Shell, sealed: Path) -> None:
    (sealed / "config" / "secrets.sealed").unlink()
    said = shell.type("secrets init --key-file drp.key")
    assert said.code == 4
    assert "its public half is already" in said.words
    assert not (sealed / "config" / "secrets.sealed").exists()


def test_sealed_file_opens_with_its_own_key_only(shell: Shell, sealed: Path) -> None:
    shell.type("config init --config other")
    fill_in(sealed / "other" / "drp.yml")
    shell.type("secrets init --config other --key-file other.key")
    said = shell.type("secrets list --key-file other.key")
    assert said.code == 4
    assert "this key is not among those it was sealed for" in said.words
