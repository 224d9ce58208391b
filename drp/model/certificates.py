"""What can be said about a PEM file with the standard library alone."""

from __future__ import annotations

import hashlib
import re
import ssl

from drp.model.values import Secret

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificate_fingerprint(pem: Secret | bytes) -> str:
    """SHA-256 (hexadecimal) of the first certificate of a PEM text. Raises ValueError when there is none."""
    text = pem.reveal() if isinstance(pem, Secret) else pem
    match = _BLOCK.search(text)
    if match is None:
        raise ValueError("no certificate in the PEM text")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(match.group().decode("ascii"))).hexdigest()
