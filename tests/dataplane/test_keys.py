"""Who can open a data key, and whose signature counts."""

from __future__ import annotations

import json

import pytest

from drp.dataplane import keys
from drp.errors import DeniedError, RejectedError, VerificationError
from drp.model.values import Secret

PAIR = keys.new_backup_keypair()
DATA_KEY = keys.new_data_key()
BLOCK = keys.seal_data_key(PAIR.public, DATA_KEY, tenant="acme", attempt="a1")


def test_private_half_opens_the_block() -> None:
    assert keys.open_data_key(PAIR.private, BLOCK, tenant="acme", attempt="a1").reveal() == DATA_KEY.reveal()


def test_block_names_its_key_and_shows_neither_key_nor_check_of_it() -> None:
    assert keys.find_key_id(BLOCK) == PAIR.key_id == keys.build_key_id(PAIR.public)
    assert DATA_KEY.reveal() not in BLOCK
    assert DATA_KEY.reveal().hex().encode() not in BLOCK


def test_two_blocks_of_one_key_differ() -> None:
    assert keys.seal_data_key(PAIR.public, DATA_KEY, tenant="acme", attempt="a1") != BLOCK


def test_other_private_key_is_denied() -> None:
    with pytest.raises(DeniedError, match=f"sealed to key {PAIR.key_id}"):
        keys.open_data_key(keys.new_backup_keypair().private, BLOCK, tenant="acme", attempt="a1")


@pytest.mark.parametrize(("tenant", "attempt"), [("globex", "a1"), ("acme", "a2")])
def test_block_of_another_attempt_is_refused(tenant: str, attempt: str) -> None:
    with pytest.raises(RejectedError, match="it belongs to 'acme/a1'"):
        keys.open_data_key(PAIR.private, BLOCK, tenant=tenant, attempt=attempt)


def test_relabelled_block_does_not_open() -> None:
    forged = json.dumps({**json.loads(BLOCK), "tenant": "globex"}).encode()
    with pytest.raises(DeniedError, match="does not open"):
        keys.open_data_key(PAIR.private, forged, tenant="globex", attempt="a1")


@pytest.mark.parametrize(
    "block", [b"", b"[]", b"{}", b'{"format":1,"suite":"MLKEM768-X25519/HKDF-SHA256/AES-256-GCM"}']
)
def test_what_is_no_block_is_refused(block: bytes) -> None:
    with pytest.raises(RejectedError, match="cannot read the key block"):
        keys.open_data_key(PAIR.private, block, tenant="acme", attempt="a1")


def test_newer_block_is_refused_by_its_format() -> None:
    newer = json.dumps({**json.loads(BLOCK), "format": 2}).encode()
    with pytest.raises(RejectedError, match="format 2"):
        keys.open_data_key(PAIR.private, newer, tenant="acme", attempt="a1")


@pytest.mark.parametrize("raw", [b"", b"x" * 96, PAIR.private.reveal()], ids=["none", "long", "private"])
def test_unfit_public_key_is_refused(raw: bytes) -> None:
    with pytest.raises(RejectedError, match="cannot use the backup key"):
        keys.seal_data_key(raw, DATA_KEY, tenant="acme", attempt="a1")


def test_check_values_differ_by_key() -> None:
    assert keys.build_check_value(DATA_KEY) != keys.build_check_value(Secret(bytes(32)))


def test_signature_fits_message_purpose_and_signer_only() -> None:
    signer, other = keys.new_signing_keypair(), keys.new_signing_keypair()
    assert keys.public_of(signer.private) == signer.public
    signature = keys.sign(signer.private, "manifest", b"text")
    keys.verify(signer.public, "manifest", message=b"text", signature=signature)
    for public, purpose, message in (
        (other.public, "manifest", b"text"),
        (signer.public, "chain", b"text"),
        (signer.public, "manifest", b"texts"),
    ):
        with pytest.raises(VerificationError, match="does not fit"):
            keys.verify(public, purpose, message=message, signature=signature)
