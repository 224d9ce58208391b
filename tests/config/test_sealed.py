from __future__ import annotations

import base64
import traceback

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.config.sealed import (
    Identity,
    Passphrase,
    SealedContent,
    SealedEntry,
    is_passphrase_locked,
    new_identity,
    open_sealed,
    seal,
)
from drp.errors import DrpError, RefusedError, RejectedError, UsageError
from drp.model.values import Secret

CANARY = b"canary-4711"
PRIVATE, PUBLIC = new_identity()
MINE = Identity(PRIVATE)
WORDS = Passphrase(Secret(b"correct horse"))
LOCKED = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCA0dVVSdW56REN4ajdnd3RxeWVxdFZ3IDQKc0RyUk5qclZmMGRub0pPNE"
    "loMVBucTQ5UE1tR2h5NDdUY013d2tQSFRlNAotLS0gaFR4RGZYUTdFTFF5QnRIODRLZ3IxVkdYeDlXVlZqYmYzSW9EQ2hnU2RE"
    "awqcgagQ5y4v+4JhKJ+zdKfXUv9pIZm8UILt4KJU9YZ/cni7xpjXhp6pVBSmfu2CvAlIxBAEVtDudmQyaloSqja3j/iEFJRYWg"
    "j/KRibrbBOSSw9cBNTw19jPfwFc8begl33j8OD7orLxJ+ZNkICYCBdWKmmEiAyOqI317R/DEgxs0i/flhbQ+DXKGsSdKkPA2V6"
    "VHZvKlmlxsh/EnIp4KwV7kw5HAgHPw=="
)
"""Locked with WORDS by another program, at so little work (2**4) that opening it takes no time."""


def build_content(*recipients: str) -> SealedContent:
    entries = {
        "acme.root": SealedEntry(value=Secret(bytes(range(256)))),
        "acme.token": SealedEntry(value=Secret(CANARY), rotation="overlap"),
    }
    return SealedContent(version=7, recipients=recipients, entries=entries)


def reveal(content: SealedContent) -> dict[str, tuple[str, bytes]]:
    return {name: (entry.rotation, entry.value.reveal()) for name, entry in content.entries.items()}


def test_what_was_sealed_comes_back() -> None:
    sealed = seal(build_content(PUBLIC))

    found = open_sealed(sealed, MINE, shown="secrets.sealed")
    assert (found.version, found.recipients) == (7, (PUBLIC,))
    assert reveal(found) == {"acme.root": ("keep", bytes(range(256))), "acme.token": ("overlap", CANARY)}
    assert CANARY not in sealed
    assert b"acme" not in sealed, "not even the names are readable"


def test_it_is_the_public_age_format() -> None:
    clear = pyrage.decrypt(
        seal(build_content(PUBLIC)), [pyrage.x25519.Identity.from_str(PRIVATE.reveal().decode())]
    )

    assert b'"acme.root"' in clear


def test_only_the_passphrase_opens_what_it_locked() -> None:
    assert is_passphrase_locked(LOCKED)
    found = open_sealed(LOCKED, WORDS, shown="s")
    assert (found.version, reveal(found)) == (7, {"acme.token": ("overlap", CANARY)})
    with pytest.raises(RefusedError, match="cannot open 's': wrong passphrase"):
        open_sealed(LOCKED, Passphrase(Secret(b"wrong horse")), shown="s")
    with pytest.raises(RefusedError, match="it is locked with a passphrase, not with what was given"):
        open_sealed(LOCKED, MINE, shown="s")


def test_each_of_several_recipients_can_open() -> None:
    other_private, other_public = new_identity()
    sealed = seal(build_content(PUBLIC, other_public))

    for key in (MINE, Identity(other_private)):
        assert open_sealed(sealed, key, shown="s").version == 7


def test_operators_use_their_ssh_keys() -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    texts = [
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        for key in (rsa_key, ed_key)
    ]
    sealed = seal(build_content(*texts))

    for key in (rsa_key, ed_key):
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        assert open_sealed(sealed, Identity(Secret(private)), shown="s").version == 7


def test_an_identity_file_may_hold_comments_and_several_keys() -> None:
    text = b"# created: 2031-03-04\n" + new_identity()[0].reveal() + b"\n\n" + PRIVATE.reveal() + b"\n"

    assert open_sealed(seal(build_content(PUBLIC)), Identity(Secret(text)), shown="s").version == 7


def test_the_wrong_key_is_said_to_be_wrong() -> None:
    with pytest.raises(RefusedError) as caught:
        open_sealed(seal(build_content(PUBLIC)), Identity(new_identity()[0]), shown="config/secrets.sealed")

    assert caught.value.message == (
        "cannot open 'config/secrets.sealed': this key is not among those it was sealed for"
    )
    assert "`--key-file`" in caught.value.hint


@pytest.mark.parametrize("text", [b"", b"garbage", b"\xff\xfe", b"AGE-SECRET-KEY-1XYZ", b"-----BEGIN X"])
def test_a_key_file_without_a_key_is_refused_and_not_shown(text: bytes) -> None:
    with pytest.raises(RefusedError, match="the key file holds n") as caught:
        open_sealed(seal(build_content(PUBLIC)), Identity(Secret(text)), shown="s")

    assert caught.value.__cause__ is None


def test_an_ssh_key_with_a_passphrase_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))

    with pytest.raises(RefusedError):
        open_sealed(seal(build_content(public)), Identity(Secret(locked)), shown="s")


SEALED = seal(build_content(PUBLIC))


@settings(max_examples=40)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_damaged_file_never_opens(where: float, bit: int) -> None:
    position = int(where * len(SEALED))
    flipped = bytearray(SEALED)
    flipped[position] ^= 1 << bit

    for damaged in (bytes(flipped), SEALED[:position]):
        with pytest.raises((RejectedError, RefusedError)):
            open_sealed(damaged, MINE, shown="s")


def test_a_damaged_body_is_called_damaged() -> None:
    sealed = seal(build_content(PUBLIC))

    with pytest.raises(RejectedError, match=r"cannot open 's': it is damaged \(decryption error\)"):
        open_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), MINE, shown="s")


@pytest.mark.parametrize(
    "inside",
    [
        b"canary-4711",
        b"[]",
        b"{}",
        b'{"version": "canary-4711", "secrets": {}}',
        b'{"version": 1, "secrets": {"a": {"class": "canary-4711", "value": ""}}}',
        b'{"version": 1, "secrets": {"a": {"class": "keep", "value": "canary-4711!"}}}',
        b'{"version": 1, "secrets": {"a": "canary-4711"}}',
    ],
)
def test_foreign_content_is_refused_and_not_shown(inside: bytes) -> None:
    sealed = pyrage.encrypt(inside, [pyrage.x25519.Recipient.from_str(PUBLIC)])

    with pytest.raises(RejectedError, match="inside is not what drp seals") as caught:
        open_sealed(sealed, MINE, shown="s")
    assert "canary" not in "".join(traceback.format_exception(caught.value, chain=True)[-1:])
    assert caught.value.__suppress_context__


def test_without_a_lock_nothing_is_sealed() -> None:
    with pytest.raises(UsageError, match="neither a recipient nor a passphrase"):
        seal(build_content())


@pytest.mark.parametrize(
    "text",
    ["age1nonsense", "ssh-rsa AAAA", "ssh-dss AAAA", PRIVATE.reveal().decode()],
    ids=["age", "rsa", "dss", "private"],
)
def test_an_unusable_recipient_is_named_by_its_beginning(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        seal(build_content(text))

    assert caught.value.message.startswith(f"cannot seal for '{text[:20]}…'")
    assert text[20:] == "" or text[20:] not in caught.value.message


@pytest.mark.parametrize("key", [Identity(new_identity()[0]), WORDS])
def test_neither_errors_nor_contents_show_a_secret(key: Identity | Passphrase) -> None:
    sealed = seal(build_content(PUBLIC))

    with pytest.raises(DrpError) as caught:
        open_sealed(sealed, key, shown="s")
    shown = f"{caught.value!r} {caught.value.hint} {open_sealed(sealed, MINE, shown='s')!r}"
    assert "canary" not in shown
