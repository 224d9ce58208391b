"""What an edge is given as certificate: checked before it travels, and written the way the proxy reads it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from drp.errors import RejectedError
from drp.model.values import Secret


def normalise_pem(name: str, pem: Secret) -> tuple[Secret, str]:
    """PEM chain and key without anything between the blocks, and the leaf's SHA-256 in hexadecimal.

    The proxy ends its input at an empty line. Raises RejectedError when it is no chain with its key,
    or not for ``name``.
    """
    what = f"cannot install the certificate of '{name}'"
    try:
        chain = x509.load_pem_x509_certificates(pem.reveal())
        key = load_pem_private_key(pem.reveal(), None)
    except (ValueError, TypeError):
        # not chained: the cause may quote the key
        raise RejectedError(f"{what}: it is no PEM chain followed by its key", page="G13") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise RejectedError(f"{what}: the key is not that of the first certificate", page="G13")
    if not any(_covers(pattern, name) for pattern in _names(chain[0])):
        raise RejectedError(f"{what}: it is for {', '.join(_names(chain[0])) or 'no name'}", page="G13")
    lines = [line.strip() for line in pem.reveal().splitlines()]
    return Secret(b"\n".join(_only_blocks(lines)) + b"\n"), chain[0].fingerprint(hashes.SHA256()).hex()


def _only_blocks(lines: list[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    inside = False
    for line in lines:
        inside = inside or line.startswith(b"-----BEGIN")
        if inside and line:
            kept.append(line)
        inside = inside and not line.startswith(b"-----END")
    return kept


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:].lower()
    return pattern.lower() == name
