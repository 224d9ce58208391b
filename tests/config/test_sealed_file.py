from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from drp.config.sealed import (
    Identity,
    Passphrase,
    SealedContent,
    SealedEntry,
    is_passphrase_locked,
    new_identity,
    open_sealed,
)
from drp.config.sealed_file import (
    KeySource,
    change_recipients,
    change_sealed,
    create_sealed,
    load_sealed,
    require_key,
)
from drp.errors import ConflictError, NotFoundError, RefusedError
from drp.model.values import Secret
from tests.config.test_sealed import LOCKED

PRIVATE, PUBLIC = new_identity()
MINE = Identity(PRIVATE)


def entry(value: bytes) -> SealedEntry:
    return SealedEntry(value=Secret(value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.sealed"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key.txt"
    file.write_bytes(PRIVATE.reveal() + b"\n")
    return file


@pytest.fixture
def sealed(path: Path) -> Path:
    create_sealed(path, SealedContent(recipients=(PUBLIC,), entries={"acme.root": entry(b"r")}))
    return path


def values(path: Path) -> dict[str, bytes]:
    content = open_sealed(path.read_bytes(), MINE, shown="s")
    return {name: found.value.reveal() for name, found in content.entries.items()}


def test_a_new_file_is_the_owners_alone(sealed: Path) -> None:
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert open_sealed(sealed.read_bytes(), MINE, shown="s").version == 1
    assert [file.name for file in sealed.parent.iterdir()] == ["secrets.sealed"]


def test_a_file_that_exists_is_not_created_again(sealed: Path) -> None:
    before = sealed.read_bytes()

    with pytest.raises(ConflictError, match="it exists"):
        create_sealed(sealed, SealedContent(recipients=(PUBLIC,)))
    assert sealed.read_bytes() == before


def test_entries_are_added_replaced_and_removed(sealed: Path) -> None:
    change_sealed(sealed, MINE, {"acme.token": entry(b"t1"), "acme.tls": entry(b"c")})
    changed = change_sealed(sealed, MINE, {"acme.token": entry(b"t2"), "acme.tls": None})

    assert changed.version == 3
    assert values(sealed) == {"acme.root": b"r", "acme.token": b"t2"}
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600


def test_the_wrong_key_changes_nothing(sealed: Path) -> None:
    before = sealed.read_bytes()

    with pytest.raises(RefusedError):
        change_sealed(sealed, Identity(new_identity()[0]), {"acme.token": entry(b"t")})
    assert sealed.read_bytes() == before


def test_two_writers_lose_nothing_of_each_other(sealed: Path) -> None:
    def write(name: str) -> None:
        change_sealed(sealed, MINE, {name: entry(name.encode())})

    threads = [threading.Thread(target=write, args=(f"secret-{index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(values(sealed)) == 9
    assert open_sealed(sealed.read_bytes(), MINE, shown="s").version == 9


def test_a_recipient_who_left_cannot_open_the_next_version(sealed: Path) -> None:
    private, public = new_identity()
    change_recipients(sealed, MINE, (public,))

    with pytest.raises(RefusedError):
        open_sealed(sealed.read_bytes(), MINE, shown="s")
    assert open_sealed(sealed.read_bytes(), Identity(private), shown="s").recipients == (public,)


def test_a_missing_file_names_the_next_command(path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_sealed(path, KeySource())

    assert caught.value.message == f"cannot open '{path}': it does not exist"
    assert caught.value.hint == "Make it with `drp secrets init`."


def test_the_key_file_comes_first(sealed: Path, key_file: Path) -> None:
    def never() -> Secret:
        raise AssertionError("not asked")

    content, key = load_sealed(sealed, KeySource(key_file=key_file, unlock=never))

    assert content.version == 1
    assert isinstance(key, Identity)


def test_then_the_configured_command(sealed: Path) -> None:
    content, _ = load_sealed(sealed, KeySource(unlock=lambda: PRIVATE))

    assert content.version == 1


def test_without_any_key_the_ways_to_name_one_are_told(sealed: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        load_sealed(sealed, KeySource(ask=lambda shown: Secret(b"a person has no identity in the head")))

    assert caught.value.message == f"cannot open '{sealed}': it needs an identity, and none was given"
    assert caught.value.hint == ("Name a file with `--key-file` or DRP_KEY_FILE, or set `secrets.unlock`.")


def test_a_key_file_that_cannot_be_read_is_named(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"cannot read key file '.*/none': No such file or directory"):
        load_sealed(sealed, KeySource(key_file=tmp_path / "none"))


def test_a_passphrase_is_asked_for_or_read_from_a_file(path: Path, tmp_path: Path) -> None:
    path.write_bytes(LOCKED)
    asked: list[str] = []

    def ask(shown: str) -> Secret:
        asked.append(shown)
        return Secret(b"correct horse")

    key = require_key(path.read_bytes(), KeySource(ask=ask), shown="s")
    assert asked == ["s"]
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    same = require_key(path.read_bytes(), KeySource(key_file=file), shown="s")
    assert isinstance(key, Passphrase)
    assert same.text.reveal() == key.text.reveal() == b"correct horse"

    changed = change_sealed(path, same, {"b": entry(b"2")})
    assert (changed.version, sorted(changed.entries)) == (8, ["acme.token", "b"])
    assert is_passphrase_locked(path.read_bytes())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No such file or directory"):
        create_sealed(tmp_path / "none" / "secrets.sealed", SealedContent(recipients=(PUBLIC,)))


def test_a_writing_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="File name too long"):
        create_sealed(tmp_path / ("n" * 250), SealedContent(recipients=(PUBLIC,)))

    assert list(tmp_path.iterdir()) == []


def test_a_link_to_the_file_stays_a_link(sealed: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(sealed)

    change_sealed(link, MINE, {"acme.token": entry(b"t")})

    assert link.is_symlink()
    assert values(sealed)["acme.token"] == b"t"
