"""Fresh passwords without a place to keep them.

The password of an account is computed from the tenant's root secret and the instance's name. So it is
fresh at each instance (the source's password opens nothing at the target), every operator's machine
that can open the sealed file knows it at any moment (a run can be resumed elsewhere), and no list of
passwords exists that would have to be stored, copied between sites, kept in step with the world, or
could be stolen. Whoever has one password can compute neither another one nor the root.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from drp.errors import RefusedError
from drp.model.values import Secret

ROOT_BYTES: Final = 32
"""A root shorter than the hash's strength would make every password derived from it weak."""

_PASSWORD_BYTES: Final = 32


def derive_password(root: Secret, *, instance: str, account: str) -> Secret:
    """HKDF-SHA256 (RFC 5869, no salt) of the root -> 43 characters of base64url.

    ``instance`` is an instance's name (``acme-e0007``). Raises RefusedError for a root of less than 32
    bytes, ValueError for names in which the separator occurs.
    """
    if "|" in instance or "|" in account:
        raise ValueError("names of instances and accounts must not contain '|'")
    material = root.reveal()
    if len(material) < ROOT_BYTES:
        raise RefusedError(
            f"cannot derive a password of '{instance}': the root secret has {len(material)} bytes, "
            f"{ROOT_BYTES} are needed",
            hint="Make a new one with `drp secrets init`.",
        )
    info = f"drp/1 | {instance} | {account}".encode()
    key = HKDF(algorithm=SHA256(), length=_PASSWORD_BYTES, salt=None, info=info).derive(material)
    return Secret(base64.urlsafe_b64encode(key).rstrip(b"="))
