"""TLS material: used from memory, never shown."""

from __future__ import annotations

import json
import os
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from drp.errors import RejectedError
from drp.model.values import Secret
from drp.providers.docker.tls import TlsMaterial, build_context, parse_material
from tests.lab.certificates import Authority


@pytest.fixture(scope="module")
def material() -> TlsMaterial:
    authority = Authority("engines")
    pair = authority.issue_client("operator")
    return TlsMaterial(ca=authority.certificate, cert=pair.certificate, key=Secret(pair.key))


def test_the_context_trusts_one_authority_and_checks_names(material: TlsMaterial) -> None:
    context = build_context(material)
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_no_file_stays_open(material: TlsMaterial) -> None:
    before = os.listdir("/proc/self/fd")
    build_context(material)
    assert os.listdir("/proc/self/fd") == before


def test_sealed_material_is_read() -> None:
    sealed = Secret(json.dumps({"ca": "A", "cert": "B", "key": "C"}).encode())
    found = parse_material(sealed)
    assert (found.ca, found.cert, found.key.reveal()) == (b"A", b"B", b"C")


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        (b"not json s3cret", "JSON"),
        (b'{"ca": "A", "cert": "B", "key": ["s3cret"]}', "key"),
        (b'{"ca": "A", "cert": "B"}', "key"),
        (b'{"ca": "A", "cert": "B", "key": "s3cret", "more": "s3cret"}', "more"),
    ],
)
def test_wrong_sealed_material_is_named_and_not_shown(sealed: bytes, words: str) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_material(Secret(sealed))
    assert caught.value.message.endswith(f"wrong or missing {words}")
    assert caught.value.__cause__ is None
    assert "s3cret" not in repr(caught.value)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(material: TlsMaterial) -> None:
    key = serialization.load_pem_private_key(material.key.reveal(), password=None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    with pytest.raises(RejectedError, match="its key is encrypted"):
        build_context(TlsMaterial(ca=material.ca, cert=material.cert, key=Secret(locked)))


def test_a_key_of_another_certificate_is_refused(material: TlsMaterial) -> None:
    other = Authority("engines").issue_client("operator")
    with pytest.raises(RejectedError, match="cannot use the client certificate of an engine"):
        build_context(TlsMaterial(ca=material.ca, cert=material.cert, key=Secret(other.key)))


@pytest.mark.parametrize("ca", [b"", b"no PEM", b"\xff"])
def test_an_authority_that_is_none_is_refused(material: TlsMaterial, ca: bytes) -> None:
    with pytest.raises(RejectedError):
        build_context(TlsMaterial(ca=ca, cert=material.cert, key=material.key))
