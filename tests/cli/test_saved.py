"""Plans kept in files: run when the world is still the same, refused when it has moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def kept(shell: Shell, tmp_path: Path) -> Path:
    path = tmp_path / "acme.plan"
    assert shell.type(f"plan migrate acme --to dc5 --out {path}").code == 0
    return path


def test_kept_plan_is_run(shell: Shell, kept: Path) -> None:
    said = shell.type(f"migrate --plan {kept} --yes -q")
    assert said.code == 0
    assert said.out.startswith("✓ done and proven: acme is served by dc5")


def test_stale_plan_writes_nothing(shell: Shell, kept: Path) -> None:
    """Bar 11."""
    shell.type("migrate acme --to dc5 --yes -q")
    shell.type("migrate acme --to dc3 --yes -q")
    before = shell.company.dump(), shell.company.stores["witness"].dump()
    said = shell.type(f"migrate --plan {kept} --yes")
    assert said.code == 4
    assert "✗ refused: cannot apply plan '" in said.words
    assert ", planned acme-e0002 · exit 4" in said.words
    assert "Look again with `drp plan migrate acme --to dc5`." in said.words
    assert (shell.company.dump(), shell.company.stores["witness"].dump()) == before


def test_plan_of_another_verb_is_refused(shell: Shell, kept: Path) -> None:
    said = shell.type(f"deploy --plan {kept} --yes")
    assert (said.code, "it plans to migrate" in said.words) == (2, True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "\xff"])
def test_what_is_no_plan_is_refused(shell: Shell, kept: Path, text: str) -> None:
    kept.write_text(text)
    said = shell.type(f"migrate --plan {kept} --yes")
    assert (said.code, "it is no plan of drp" in said.words) == (4, True)


def test_plan_of_another_format_is_refused(shell: Shell, kept: Path) -> None:
    kept.write_text(kept.read_text().replace('"format":1', '"format":2'))
    said = shell.type(f"migrate --plan {kept} --yes")
    assert (said.code, "format 2, this drp reads 1" in said.words) == (4, True)


def test_plan_is_never_written_over(shell: Shell, kept: Path) -> None:
    assert shell.type(f"plan migrate acme --to dc5 --out {kept}").code == 4


def test_kept_plan_holds_no_secret(shell: Shell, kept: Path) -> None:
    for secret in shell.company.secrets.values():
        assert secret.reveal() not in kept.read_bytes()


def test_plan_that_was_edited_is_refused(shell: Shell, kept: Path) -> None:
    kept.write_text(kept.read_text().replace("acme.example.test", "evil.example.test"))
    said = shell.type(f"migrate --plan {kept} --yes")
    assert (said.code, "it was changed after it was made" in said.words) == (4, True)
