from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.config.derive import derive_password
from drp.errors import RefusedError
from drp.model.values import Secret

ROOT = Secret(bytes(range(32)))


def derive_by_hand(root: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, one block of output."""
    extracted = hmac.digest(bytes(32), root, hashlib.sha256)
    return base64.urlsafe_b64encode(hmac.digest(extracted, info + b"\x01", hashlib.sha256)).rstrip(b"=")


def test_it_is_the_hkdf_that_is_promised() -> None:
    found = derive_password(ROOT, instance="acme-e0007", account="api").reveal()

    assert found == derive_by_hand(bytes(range(32)), b"drp/1 | acme-e0007 | api")
    assert len(found) == 43


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=12)


@given(NAMES, NAMES, NAMES, NAMES)
def test_another_instance_or_account_is_another_password(a: str, b: str, c: str, d: str) -> None:
    first = derive_password(ROOT, instance=a, account=b).reveal()
    second = derive_password(ROOT, instance=c, account=d).reveal()

    assert (first == second) == ((a, b) == (c, d))


def test_another_root_is_another_password() -> None:
    other = Secret(bytes(range(1, 33)))

    assert (
        derive_password(ROOT, instance="acme-e0007", account="api").reveal()
        != derive_password(other, instance="acme-e0007", account="api").reveal()
    )


def test_a_short_root_is_refused_and_not_shown() -> None:
    with pytest.raises(RefusedError) as caught:
        derive_password(Secret(b"hunter2"), instance="acme-e0007", account="api")

    assert caught.value.message == (
        "cannot derive a password of 'acme-e0007': the root secret has 7 bytes, 32 are needed"
    )


@pytest.mark.parametrize(("instance", "account"), [("a | b", "c"), ("a", "b | c")])
def test_names_that_hold_the_separator_are_refused(instance: str, account: str) -> None:
    with pytest.raises(ValueError, match="must not contain"):
        derive_password(ROOT, instance=instance, account=account)
