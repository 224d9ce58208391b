"""Certificate authorities of the laboratory: one for engines and their clients, one for tenants' names.

They are apart on purpose: a tenant's certificate must not open an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes

    @property
    def bundle(self) -> bytes:
        """Both in one file, as HAProxy wants them."""
        return self.certificate + self.key


class Authority:
    """Signs certificates; ``certificate`` (PEM) is what others trust."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _build_subject(name)
        signs = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, key_agreement=False,
            data_encipherment=False, key_cert_sign=True, crl_sign=True, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        builder = self._build_certificate(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(signs, critical=True)
        signed = builder.sign(self._key, hashes.SHA256())
        self.certificate = signed.public_bytes(serialization.Encoding.PEM)

    def issue_server(self, *names: str, addresses: tuple[IPv4Address, ...] = ()) -> KeyPair:
        """A certificate for a server known by these DNS names and addresses."""
        others = [x509.DNSName(n) for n in names] + [x509.IPAddress(a) for a in addresses]
        return self._issue(names[0], ExtendedKeyUsageOID.SERVER_AUTH, others)

    def issue_client(self, name: str) -> KeyPair:
        """A certificate that opens, not serves."""
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, [x509.DNSName(name)])

    def _issue(self, name: str, usage: x509.ObjectIdentifier, others: Sequence[x509.GeneralName]) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._build_certificate(_build_subject(name), key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        return KeyPair(
            certificate=builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )

    def _build_certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + _LIFE)
        )


def _build_subject(name: str) -> x509.Name:
    # a common name is at most 64 characters long (RFC 5280); longer ones stand in the alternative names
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
