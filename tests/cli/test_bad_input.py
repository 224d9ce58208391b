"""Whatever may be wrong with what drp is given: the whole text that is said, and that nothing was touched."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drp.actions.catalogue import action_specs
from drp.commands.wiring import open_workshop
from drp.config.sealed import SealedContent, SealedEntry, new_identity, seal
from drp.model.values import Secret
from drp.runbooks.compile import compile_runbook
from tests.cli.shell import Shell
from tests.config.folder import Folder

GLOBEX = """\
tenants:
  globex:
    home: dc3
    domains: [globex.example.com]
    memory: 4GiB
    disk: 20GiB
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A valid configuration in the folder in which drp is typed."""
    with contextlib.chdir(tmp_path):
        yield Folder(Path("config"))


def picture(*folders: Path) -> dict[str, str]:
    """Every file below, with the digest of its content."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def unknown_key(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "domains:", "domian:")


def missing_host(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", "    host: h9\n    disk")


def unknown_home(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "home: dc3", "home: dc6")


def no_home(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    home: dc3\n", "")


def overlapping_subnets(folder: Folder) -> None:
    folder.replace("drp.yml", "10.64.16.0/20", "10.64.8.0/21")


def edge_in_subnets(folder: Folder) -> None:
    folder.replace("drp.yml", "edge: 192.0.2.11", "edge: 10.64.33.1")


def dedicated_host_taken(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", "    host: h1\n    dedicated: true\n    disk")
    folder.write("tenants/globex.yml", GLOBEX.replace("    disk", "    host: h1\n    disk"))


def witness_in_a_site(folder: Folder) -> None:
    folder.replace("drp.yml", "bucket: witness, place: rennes", "bucket: witness, place: dc5")


def witness_in_a_building(folder: Folder) -> None:
    folder.replace("drp.yml", "  dc5:\n", "  dc5:\n    building: rennes\n")


def witness_at_an_address_of_a_site(folder: Folder) -> None:
    old = 'witness: {kind: s3, url: "https://s3.example.net"'
    folder.replace("drp.yml", old, old.replace("s3.example.net", "10.64.33.7:7070"))


def two_at_once(folder: Folder) -> None:
    unknown_key(folder)
    witness_in_a_site(folder)


CONFIGURATIONS: dict[str, tuple[Callable[[Folder], None], str]] = {
    "an unknown key": (
        unknown_key,
        """\
config/tenants/acme.yml:2:3   key 'domains' is missing
                              hint  Write it as in `domains: [acme.example.com]`.
config/tenants/acme.yml:4:5   unknown key 'domian'; did you mean 'domains'?
✗ 2 problems, nothing was touched · again: drp check config · exit 3
""",
    ),
    "a host there is not": (
        missing_host,
        """\
config/tenants/acme.yml:6:11   unknown host 'h9'; known: h1, h2, h3
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "a site there is not": (
        unknown_home,
        """\
config/tenants/acme.yml:3:11   unknown site 'dc6'; known: dc3, dc5
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "a tenant on no site": (
        no_home,
        """\
config/tenants/acme.yml:2:3   key 'home' is missing
                              hint  Write it as in `home: dc3`.
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "subnets of two hosts overlap": (
        overlapping_subnets,
        """\
config/drp.yml:8:103   subnets '10.64.8.0/21' of 'h2' overlap '10.64.0.0/20' of 'h1'
                       hint  They are also at config/drp.yml:7:102.
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "an edge stands in subnets": (
        edge_in_subnets,
        """\
config/drp.yml:8:47   edge '10.64.33.1' is in '10.64.32.0/20', which is for the links of tenants
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "a dedicated host is taken": (
        dedicated_host_taken,
        """\
config/tenants/globex.yml:6:11   host 'h1' is dedicated to 'acme'
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "the witness is in a site": (
        witness_in_a_site,
        """\
config/drp.yml:16:78   cannot use store 'witness': it is in 'dc5', the site that may fail
                       hint  Set `place` outside all sites.
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "the witness is in a site's building": (
        witness_in_a_building,
        """\
config/drp.yml:17:78   cannot use store 'witness': it is in 'dc5', the site that may fail
                       hint  Set `place` outside all sites.
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "the witness has an address of a site": (
        witness_at_an_address_of_a_site,
        """\
config/drp.yml:16:28   cannot use store 'witness': it is in 'dc5', the site that may fail: 10.64.33.7 is there
                       hint  Keep the witness outside all sites.
✗ 1 problem, nothing was touched · again: drp check config · exit 3
""",
    ),
    "two at once": (
        two_at_once,
        """\
config/drp.yml:16:78          cannot use store 'witness': it is in 'dc5', the site that may fail
                              hint  Set `place` outside all sites.
config/tenants/acme.yml:2:3   key 'domains' is missing
                              hint  Write it as in `domains: [acme.example.com]`.
config/tenants/acme.yml:4:5   unknown key 'domian'; did you mean 'domains'?
✗ 3 problems, nothing was touched · again: drp check config · exit 3
""",
    ),
}


@pytest.mark.parametrize("line", ["status", "migrate acme --to dc5 --yes"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_wrong_configuration_stops_any_verb(shell: Shell, folder: Folder, name: str, line: str) -> None:
    """Bars 14 and 15.

    Before a secret is opened or an address is called: there is no sealed file, and no port is made.
    """
    prepare, expected = CONFIGURATIONS[name]
    prepare(folder)
    before = picture(folder.path)
    shell.open = open_workshop
    said = shell.type(line)
    assert (said.code, said.out) == (3, "")
    assert said.err == expected
    assert picture(folder.path) == before
    assert not shell.state.exists()


def test_the_configuration_that_is_changed_above_is_right(folder: Folder) -> None:
    assert folder.problems() == []


def test_a_wrong_seal_key(shell: Shell, folder: Folder) -> None:
    _, recipient = new_identity()
    other, _ = new_identity()
    entry = SealedEntry(value=Secret(b"{}"), rotation="keep")
    content = SealedContent(version=1, recipients=(recipient,), entries={"witness": entry})
    (folder.path / "secrets.sealed").write_bytes(seal(content))
    Path("other.key").write_bytes(other.reveal() + b"\n")
    Path("other.key").chmod(0o600)
    before = picture(folder.path)
    shell.open = open_workshop
    said = shell.type("migrate acme --to dc5 --yes --key-file other.key")
    assert (
        said.show()
        == """\
[stderr]
✗ refused: cannot open 'config/secrets.sealed': this key is not among those it was sealed
  for · exit 4
    state  nothing was touched
    hint   Name another identity file with `--key-file`, or ask an operator who can open it.
    code   I1, see `drp explain I1`
[stdout]
[exit 4]
"""
    )
    assert picture(folder.path) == before
    assert not shell.state.exists()


def circle(shell: Shell) -> None:
    """A runbook in which two steps need each other."""
    path = Path("runbooks/migrate.yml")
    path.parent.mkdir()
    path.write_text("""\
runbook: migrate
inputs: {run: text, hosts: list}
on-failure: stop
stages:
  - stage: prepare
    steps:
      - {id: first, do: check.host, with: {host: h1}, needs: [second], deadline: 5s}
      - {id: second, do: check.host, with: {host: h1}, needs: [first], deadline: 5s}
""")
    assert shell.workshop is not None
    shell.workshop = replace(
        shell.workshop,
        compile=lambda order, facts: compile_runbook(
            path, facts, action_specs(), run=order.run, tenant=order.tenant
        ),
    )


def nothing(shell: Shell) -> None:
    """The world as it is."""


WORLDS: dict[str, tuple[Callable[[Shell], None], str, str]] = {
    "the target is the source": (
        nothing,
        "migrate acme --to dc3 --yes",
        """\
[stderr]
✗ refused: cannot migrate 'acme': dc3 serves it already, since 2031-03-04T02:11:00+00:00 · exit 4
    state  nothing was touched
    hint   Name another site; who serves says `drp status acme`.
    code   A8, see `drp explain A8`
[stdout]
[exit 4]
""",
    ),
    "a site there is not": (
        nothing,
        "migrate acme --to dc6 --yes",
        """\
[stderr]
✗ usage: cannot migrate 'acme': there is no site 'dc6' · exit 2
    state  nothing was touched
    hint   Known: dc3, dc5; see `drp config show`.
[stdout]
[exit 2]
""",
    ),
    "a tenant there is not": (
        nothing,
        "migrate hooli --to dc5 --yes",
        """\
[stderr]
✗ usage: cannot migrate 'hooli': there is no such tenant · exit 2
    state  nothing was touched
    hint   Known: acme, globex, initech; see `drp status`.
[stdout]
[exit 2]
""",
    ),
    "nothing to retire": (
        nothing,
        "retire acme --from dc5 --yes",
        """\
[stderr]
✗ refused: cannot retire 'acme' from dc5: no old stack of it is there · exit 4
    state  nothing was touched
    hint   Who serves says `drp status acme`.
    code   A8, see `drp explain A8`
[stdout]
[exit 4]
""",
    ),
    "a circle in a runbook": (
        circle,
        "migrate acme --to dc5 --yes",
        """\
[stderr]
runbooks/migrate.yml:7:63   steps need each other: first → second → first
✗ 1 problem, nothing was touched · again: drp runbook lint · exit 3
[stdout]
[exit 3]
""",
    ),
    "nobody to ask": (
        nothing,
        "migrate acme --to dc5 -q",
        """\
[stderr]
✗ refused: cannot ask 'Move acme to dc5?': there is no terminal to answer on · exit 4
    state  nothing was touched
    hint   Add `--yes` to the command.
[stdout]
[exit 4]
""",
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_an_order_that_cannot_be_carried_out(shell: Shell, tmp_path: Path, name: str) -> None:
    prepare, line, expected = WORLDS[name]
    with contextlib.chdir(tmp_path):
        prepare(shell)
        before = shell.company.dump()
        objects = {key: dict(store.content) for key, store in shell.company.stores.items()}
        said = shell.type(line)
    assert said.show() == expected
    assert shell.company.dump() == before
    assert {key: store.content for key, store in shell.company.stores.items()} == objects
    assert picture(shell.state) == {}
