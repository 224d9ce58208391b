"""Certificates for tests, the same at each run: keys are derived from names, signatures are deterministic."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from drp.model.values import Secret
from drp.testing.clock import START


class Authority:
    """A certificate authority named by a text; two of the same name and ``begin`` are equal."""

    def __init__(self, name: str = "test authority", *, begin: datetime = START - timedelta(days=1)) -> None:
        self._name = name
        self._key = _derive_key(f"authority {name}")
        self.begin = begin
        self.certificate = self._sign(
            [name], self._key, is_authority=True, validity=(begin, begin + timedelta(days=3650))
        )

    def __deepcopy__(self, memo: object) -> Authority:
        return self  # never changes, and keys cannot be copied

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, *names: str, mark: str = "", begin: datetime | None = None, days: int = 90) -> Secret:
        """Chain and key (PEM) for these DNS names; another ``mark`` makes another key.

        ``begin`` defaults to the authority's own.
        """
        start = begin or self.begin
        key = _derive_key(f"{self._name} {names} {mark}")
        leaf = self._sign([*names], key, is_authority=False, validity=(start, start + timedelta(days=days)))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Secret(leaf.public_bytes(Encoding.PEM) + self.pem.encode() + private)

    def _sign(
        self,
        names: list[str],
        key: ec.EllipticCurvePrivateKey,
        *,
        is_authority: bool,
        validity: tuple[datetime, datetime],
    ) -> x509.Certificate:
        text = f"{self._name} {names} {validity} {key.private_numbers().private_value}"
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(_name(self._name))
            .public_key(key.public_key())
            .serial_number(int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], "big"))
            .not_valid_before(validity[0])
            .not_valid_after(validity[1])
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if is_authority:
            builder = builder.add_extension(_authority_usage(), critical=True)
        else:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)


def fingerprint_of(pem: Secret) -> str:
    """SHA-256 of the first certificate in ``pem``, hexadecimal."""
    return x509.load_pem_x509_certificate(pem.reveal()).fingerprint(hashes.SHA256()).hex()


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """The DNS names a certificate is for."""
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def is_for(leaf: x509.Certificate, name: str) -> bool:
    """True when one of the certificate's names, or a wildcard of them, covers ``name``."""
    return any(pattern in (name, f"*.{name.partition('.')[2]}") for pattern in names_of(leaf))


def _derive_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(
        int.from_bytes(hashlib.sha256(text.encode()).digest()[:31], "big"), ec.SECP256R1()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _authority_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
