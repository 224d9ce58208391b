"""What is signed of a run: any change of it is noticed, and a client's part tells nothing of others."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.commands.journals import read_local
from drp.dataplane import keys
from drp.engine.journal import GENESIS, hash_of
from drp.model.plan import canonical
from drp.model.values import JsonMap, Secret
from drp.reports import extract, signed
from drp.reports.evidence import PURPOSE, Evidence, verify
from drp.reports.tree import DEPTH, Tree, climb
from tests.cli.shell import Shell
from tests.commands.bench import Bench
from tests.reports.journals import build_failover, name_of

PAIR = keys.new_signing_keypair()
TRUSTED = {signed.id_of(PAIR.public): PAIR.public}
SMALL = Evidence(build_failover(2, wave=1), PAIR.private)
FILE = SMALL.write()
EXTRACT = SMALL.extract(name_of(1))


def damages(content: bytes) -> list[str]:
    return verify(content, TRUSTED)[1]


def changed(change: Callable[[JsonMap], None], *, sign_again: bool = False) -> bytes:
    """The file with another body; ``sign_again``: by somebody who has a site's key."""
    whole = json.loads(FILE)
    change(whole["body"])
    return signed.write(PAIR.private, PURPOSE, whole["body"]) if sign_again else canonical(whole)


def test_what_was_signed_holds() -> None:
    assert damages(FILE) == []
    assert damages(EXTRACT) == []


def test_the_same_journal_and_key_give_the_same_bytes() -> None:
    again = Evidence(build_failover(2, wave=1), PAIR.private)
    assert (again.write(), again.extract(name_of(1))) == (FILE, EXTRACT)


@pytest.mark.parametrize("content", [FILE, EXTRACT], ids=["evidence", "extract"])
@settings(max_examples=60)
@given(data=st.data())
def test_any_other_byte_is_noticed(content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(1, 255))
    flipped = content[:at] + bytes([content[at] ^ other]) + content[at + 1 :]
    assert damages(flipped) != []


@given(data=st.data())
def test_a_byte_more_or_less_is_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EXTRACT)))
    byte = bytes([data.draw(st.integers(0, 255))])
    assert damages(EXTRACT[:at] + byte + EXTRACT[at:]) != []
    assert at == len(EXTRACT) or damages(EXTRACT[:at] + EXTRACT[at + 1 :]) != []


def soften(body: JsonMap) -> None:
    body["report"]["tenants"][0]["rto_s"] = 1.0  # type: ignore[index,call-overload]


def alter(body: JsonMap) -> None:
    body["records"][4]["actor"] = "eva@ops1"  # type: ignore[index,call-overload]


def leave_out(body: JsonMap) -> None:
    for name in ("records", "hashes"):
        found = body[name]
        assert isinstance(found, list)
        del found[4]


def swap(body: JsonMap) -> None:
    for name in ("records", "hashes"):
        found = body[name]
        assert isinstance(found, list)
        found[4], found[5] = found[5], found[4]


def cut(body: JsonMap) -> None:
    records = body["records"]
    assert isinstance(records, list)
    del records[-1]


def retell(body: JsonMap) -> None:
    """All records from the fifth on written anew, each with the hash of the one before it."""
    records = body["records"]
    assert isinstance(records, list)
    previous, hashes = GENESIS, []
    for number, record in enumerate(records):
        assert isinstance(record, dict)
        if number == 4:
            record["actor"] = "eva@ops1"
        record["prev"] = previous
        previous = hash_of(canonical(record))
        hashes.append(previous)
    body["hashes"] = [*hashes]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (soften, "report.tenants[0].rto_s"),
        (alter, "record 5 is not the one that was hashed"),
        (leave_out, "record 5 is missing"),
        (swap, "record 5 is missing"),
        (cut, "it has 42 records and 43 hashes of records"),
        (retell, "the report is not that of the records: report.evidence.journal_head"),
    ],
)
@pytest.mark.parametrize("sign_again", [False, True], ids=["", "signed again"])
def test_what_was_changed_is_named(change: Callable[[JsonMap], None], words: str, sign_again: bool) -> None:
    found = damages(changed(change, sign_again=sign_again))
    assert any(words in damage for damage in found), found
    assert any("does not fit" in damage for damage in found) is not sign_again


def test_who_signs_with_another_key_is_not_believed() -> None:
    other = keys.new_signing_keypair()
    forged = Evidence(build_failover(2, wave=1), other.private)
    for content in (forged.write(), forged.extract(name_of(1))):
        assert "which is not known here" in damages(content)[-1]
    whole = json.loads(FILE)
    pretended = {**whole, "ed25519": signed.sign(other.private, PURPOSE, whole["body"]).value}
    assert damages(canonical(pretended)) == [f"the signature of key {next(iter(TRUSTED))} does not fit"]


def test_an_extract_of_one_run_does_not_pass_for_that_of_another() -> None:
    theirs = json.loads(Evidence(build_failover(3), PAIR.private).extract(name_of(1)))["body"]
    body = {**json.loads(EXTRACT)["body"], "statement": theirs["statement"], "proof": theirs["proof"]}
    found = damages(signed.write(PAIR.private, extract.PURPOSE, body))
    assert found == ["what it says of the tenant does not belong to the signed report"]


def test_an_extract_of_a_thousand_is_as_long_as_one_of_a_few() -> None:
    """Else its length, or that of its path, told how many clients there are."""
    few, many = Evidence(build_failover(4), PAIR.private), Evidence(build_failover(60), PAIR.private)
    paths = [json.loads(each.extract(name_of(1)))["body"]["path"]["siblings"] for each in (few, many)]
    assert [len(path) for path in paths] == [DEPTH, DEPTH]
    assert all(len({*path}) == DEPTH for path in paths)


@settings(max_examples=20)
@given(names=st.sets(st.text(min_size=1, max_size=3), min_size=1, max_size=5))
def test_every_leaf_leads_to_the_root_and_no_other_content_does(names: set[str]) -> None:
    tree = Tree(b"seed", {name: name.encode() for name in names})
    for name in names:
        path = tree.path(name)
        assert climb(name.encode(), path.place, path.siblings) == tree.root
        assert climb(name.encode() + b"!", path.place, path.siblings) != tree.root


def test_an_extract_holds_nothing_of_others(tmp_path: Path) -> None:
    """All names, hosts, addresses and the operator are canaries; so is the number of tenants."""
    bench = Bench(tmp_path / "state")
    bench.launch("migrate", "dc5")
    moved = read_local(bench.state / "migrate-310304-7f3a.journal")
    inventory = bench.company.inventory
    canaries = {"ops@here", socket.gethostname(), inventory.digest, "192.0.2.53", "globex", "initech"}
    for host in inventory.hosts():
        canaries |= {f'"{host.name}"', f"/{host.name}", host.edge, host.engine}
    own = Evidence(moved, PAIR.private).extract("acme")
    assert [word for word in canaries if word.encode() in own] == []
    assert (b'"tenant":"acme"' in own, b'"country":"FR"' in own, damages(own)) == (True, True, [])

    records = build_failover(60, operator="eva@ops1")
    client = Evidence(records, PAIR.private).extract(name_of(49))
    view = json.loads(client)["body"]["leaf"]["view"]
    assert (view["status"], view["code"]) == ("quarantined", "D2")
    others = {name_of(number) for number in range(60) if number != 49}
    canaries = {
        *others,
        "left-out",
        "eva@",
        "ops1",
        "192.0.2",
        "198.51.100",
        "silver",
        "000017.pack",
        "0" * 64,
    }
    assert [word for word in canaries if word.encode() in client] == []
    assert not {60, 57, 63, len(records)} & {*numbers_of(view)}


def numbers_of(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers_of(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers_of(each)]
    return [value] if isinstance(value, int | float) else []


def test_no_secret_is_in_what_is_signed() -> None:
    assert isinstance(PAIR.private, Secret)
    assert PAIR.private.reveal().hex().encode() not in FILE + EXTRACT


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell after a move; nobody changes anything there."""
    shell = Shell(tmp_path_factory.mktemp("state"))
    assert shell.type("migrate acme --to dc5 --yes -q").code == 0
    return shell


def test_the_verbs_write_verify_and_extract(moved: Shell, tmp_path: Path) -> None:
    whole, own = tmp_path / "whole", tmp_path / "own"
    assert moved.type(f"report acme --evidence {whole}").code == 0
    assert moved.type(f"evidence extract 7f3a --tenant acme --out {own}").code == 0
    key = next(iter(moved.company.inventory.signers.values())).public
    for file in (whole, own):
        found = moved.type(f"evidence verify {file} --key {key}")
        assert (found.code, "✓" in found.out, "as signed" in found.out) == (0, True, True), found.out
        unknown = moved.type(f"evidence verify {file} --config {tmp_path / 'none'}")
        assert (unknown.code, "not known here" in unknown.out) == (11, True)
    assert "country       FR" in moved.type(f"evidence verify {own} --key {key}").out
    assert moved.type(f"evidence verify {whole} --journal").code == 0
    whole.write_bytes(whole.read_bytes().replace(b"ops@here", b"eva@here", 1))
    assert moved.type(f"evidence verify {whole} --key {key}").code == 11


def test_an_evidence_of_another_history_is_not_that_of_the_journal_here(moved: Shell, tmp_path: Path) -> None:
    """Signed with the right key, whole in itself, and yet not what was recorded."""
    records = read_local(moved.state / "migrate-310304-7f3a.journal")
    signer = next(iter(moved.company.inventory.signers.values()))
    forged = copy.deepcopy([record.to_json() for record in records])
    forged[1]["actor"] = "nobody@here"
    previous = GENESIS
    for record in forged:
        record["prev"] = previous
        previous = hash_of(canonical(record))
    file = tmp_path / "forged"
    again = [type(records[0]).from_bytes(canonical(record)) for record in forged]
    file.write_bytes(Evidence(again, moved.company.secret(signer.private)).write())
    assert moved.type(f"evidence verify {file} --key {signer.public}").code == 0
    found = moved.type(f"evidence verify {file} --journal")
    assert (found.code, "record 2 is not the one in the journal here" in found.out) == (11, True)


def test_who_was_not_in_the_run_gets_no_extract(moved: Shell, tmp_path: Path) -> None:
    found = moved.type(f"evidence extract 7f3a --tenant globex --out {tmp_path / 'x'}")
    assert (found.code, "was not for it" in found.err, (tmp_path / "x").exists()) == (4, True, False)


def test_what_is_no_evidence_is_said(moved: Shell, tmp_path: Path) -> None:
    nowhere = f"--config {tmp_path / 'nowhere'}"
    assert moved.type(f"evidence verify {tmp_path / 'none'} {nowhere}").code == 4
    assert moved.type(f"evidence verify {tmp_path / 'none'} --key ???").code == 2
    (tmp_path / "x").write_text('{"body": 1}')
    assert moved.type(f"evidence verify {tmp_path / 'x'} {nowhere}").code == 11
