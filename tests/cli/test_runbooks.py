"""Runbooks as files: typed at a shell in a folder without any configuration."""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from drp.commands.desk import Workshop
from drp.commands.wiring import Places
from drp.errors import BugError
from tests.cli.shell import Shell, check_golden

BROKEN = """\
runbook: broken
inputs: {tenant: map, spare: list}
stages:
  - stage: cut-over
    steps:
      - {id: hold, do: edge.hold, with: {host: h1, names: [], limit_s: soon}, deadline: 5s}
      - {id: stop, do: container.stop, needs: [hold], with: {host: "${tenant}"}, deadline: 5s, approve: Go?}
      - {id: look, do: check.host, needs: [stop], with: {host: "${steps.go}"}, deadline: 5s, final: true}
  - stage: go
    steps:
      - {id: go, do: edge.relese, after: [look], deadline: 5s}
"""


def refuse(_: Places) -> Workshop:
    raise BugError("a runbook is read without the configuration")


@pytest.fixture
def folder(tmp_path: Path, shell: Shell) -> Path:
    shell.open = refuse
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/broken.yml").write_text(BROKEN)
    return tmp_path


def test_all_problems_of_all_runbooks_are_told(shell: Shell, folder: Path) -> None:
    (folder / "runbooks/torn.yml").write_text("runbook: torn\nstages: [{stage: a, steps: [{id: a}]}]\n")
    with contextlib.chdir(folder):
        check_golden("runbook-broken", shell.type("runbook lint --runbooks runbooks").show())
        found = shell.type("runbook lint broken --runbooks runbooks --json").lines()

    errors = [line for line in found if line["kind"] == "error"]
    assert found[-1]["exit_code"] == 3
    assert {"place": "runbooks/broken.yml:2:23"}.items() <= errors[0].items()


def test_folder_beside_the_configuration_is_read_without_the_configuration(
    shell: Shell, folder: Path
) -> None:
    (folder / "runbooks/broken.yml").unlink()
    text = "runbook: fine\nstages: [{stage: a, steps: [{id: a, do: network.create, deadline: 5s}]}]\n"
    (folder / "runbooks/fine.yml").write_text(text)
    with contextlib.chdir(folder):
        said = shell.type("runbook show fine --json")
        assert shell.type("runbook lint").code == 3

    assert said.lines()[-1]["data"] == {
        "runbook": "fine",
        "on_failure": "roll-back",
        "inputs": {},
        "stages": [
            {
                "stage": "a",
                "place": f"{folder}/runbooks/fine.yml:2:10",
                "needs": [],
                "after": [],
                "steps": [
                    {
                        "id": "a",
                        "action": "network.create",
                        "place": f"{folder}/runbooks/fine.yml:2:29",
                        "needs": [],
                        "after": [],
                        "deadline_s": 5.0,
                        "attempts": 1,
                        "wait_s": 1.0,
                        "pools": {},
                        "final": False,
                        "asks": "",
                        "looks": False,
                    }
                ],
            }
        ],
    }


def test_runbook_that_is_not_there(shell: Shell, folder: Path) -> None:
    with contextlib.chdir(folder):
        check_golden("runbook-unknown", shell.type("runbook show brokn --runbooks runbooks").show())


def test_picture_is_written_where_it_is_wanted(shell: Shell, tmp_path: Path) -> None:
    shell.open = refuse
    path = tmp_path / "migrate.svg"
    assert shell.type(f"runbook graph migrate --svg {path} --dry-run").out.startswith("would write")
    assert not path.exists()

    assert shell.type(f"runbook graph migrate --svg {path}").code == 0
    assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert shell.type(f"runbook graph migrate --svg {tmp_path}/no/where.svg").code == 4


def test_graph_needs_a_place_to_draw_or_json(shell: Shell) -> None:
    said = shell.type("runbook graph migrate")
    assert (said.code, "missing option '--svg'" in said.words) == (2, True)

    data = shell.type("runbook graph migrate --json").lines()[-1]["data"]
    assert isinstance(data, dict)
    assert {"from": "hold", "to": "drain", "kind": "needs"} in data["edges"]  # type: ignore[operator]


def test_explained_plan_names_the_line_of_every_step(shell: Shell) -> None:
    data = shell.type("plan migrate acme --to dc5 --explain --json").lines()[-1]["data"]
    assert isinstance(data, dict)
    steps = data["steps"]
    assert isinstance(steps, list)
    assert steps
    for step in steps:
        assert isinstance(step, dict)
        file, line, column = str(step["place"]).rsplit(":", 2)
        text = Path(file).read_text().splitlines()[int(line) - 1][int(column) - 1 :]
        assert f"id: {str(step['id']).partition('/')[0]}" in text
