from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from drp.config.sealed import SealedContent, SealedEntry
from drp.config.secrets import SecretResolver, read_command
from drp.errors import DeniedError, NotFoundError, RefusedError
from drp.model.inventory import SecretRef
from drp.model.values import Secret

CONTENT = SealedContent(version=1, entries={"acme.root": SealedEntry(value=Secret(b"r"))})


class Opener:
    """Counts how often the sealed file is opened."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> SealedContent:
        self.times += 1
        return CONTENT


@pytest.fixture
def opener() -> Opener:
    return Opener()


@pytest.fixture
def resolver(opener: Opener) -> SecretResolver:
    return SecretResolver(opener, {"TOKEN": "tést", "EMPTY": ""}, shown="config/secrets.sealed")


def sealed(name: str) -> SecretRef:
    return SecretRef(kind="sealed", name=name)


def test_the_file_is_opened_at_the_first_need_and_once(opener: Opener, resolver: SecretResolver) -> None:
    assert resolver.resolve(SecretRef(kind="env", name="TOKEN")).reveal() == "tést".encode()
    assert opener.times == 0

    assert resolver.resolve(sealed("acme.root")).reveal() == b"r"
    assert resolver.resolve(sealed("acme.root")) is resolver.resolve(sealed("acme.root"))
    assert opener.times == 1


def test_many_threads_open_it_once(opener: Opener, resolver: SecretResolver) -> None:
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        resolver.resolve(sealed("acme.root"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert opener.times == 1


def test_a_missing_entry_names_file_entry_and_command(resolver: SecretResolver) -> None:
    with pytest.raises(NotFoundError) as caught:
        resolver.resolve(sealed("acme.tls"))

    assert caught.value.message == (
        "cannot read secret 'acme.tls': 'config/secrets.sealed' has no such entry"
    )
    assert caught.value.hint == "Add it with `drp secrets set acme.tls`."


def test_a_wrong_key_is_known_before_anything_begins() -> None:
    def refuse() -> SealedContent:
        raise RefusedError("cannot open 's': wrong passphrase")

    with pytest.raises(RefusedError):
        SecretResolver(refuse, {}, shown="s").open()


@pytest.mark.parametrize("name", ["EMPTY", "NOT_THERE"])
def test_a_variable_that_is_not_set_is_named(resolver: SecretResolver, name: str) -> None:
    with pytest.raises(NotFoundError, match=f"cannot read secret 'env:{name}': the variable is not set"):
        resolver.resolve(SecretRef(kind="env", name=name))


def test_a_file_is_read_as_it_is(resolver: SecretResolver, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\x00line\n")

    assert resolver.resolve(SecretRef(kind="file", name=str(file))).reveal() == b"\x00line\n"
    with pytest.raises(NotFoundError, match="No such file"):
        resolver.resolve(SecretRef(kind="file", name=str(tmp_path / "none")))


def test_a_command_gives_its_output_without_the_last_line_feed() -> None:
    command = f"""{sys.executable} -c 'print("a b\\n")'"""

    assert read_command(command).reveal() == b"a b\n"


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("import sys; print(4711); print(4711, file=sys.stderr); sys.exit(3)", "exit code 3"),
        ("pass", "it wrote nothing"),
    ],
)
def test_a_command_that_fails_shows_nothing_of_its_output(program: str, cause: str) -> None:
    with pytest.raises(DeniedError) as caught:
        read_command(f"{sys.executable} -c '{program}'")

    assert caught.value.message == f"cannot read secret by command '{sys.executable}': {cause}"
    assert "4711" not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize("command", ["", "/not/there --show", "echo 'open"])
def test_a_command_that_cannot_start_is_named(command: str) -> None:
    with pytest.raises(NotFoundError, match="it cannot be started"):
        read_command(command)


def test_a_command_is_run_once(opener: Opener) -> None:
    runs: list[str] = []

    def run(command: str) -> Secret:
        runs.append(command)
        return Secret(b"x")

    resolver = SecretResolver(opener, {}, shown="s", run_command=run)
    for _ in range(2):
        resolver.resolve(SecretRef(kind="command", name="pass drp"))
    assert runs == ["pass drp"]
