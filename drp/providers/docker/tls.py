"""TLS with an engine, made without the private key ever lying in a file system."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from requests.adapters import HTTPAdapter

from drp.errors import RejectedError
from drp.model.values import Secret
from drp.providers.docker.sockets import SOCKET_OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """PEM: the only CA that is trusted, the client's certificate (chain) and its unencrypted key."""

    ca: bytes
    cert: bytes
    key: Secret


class _Sealed(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ca: str
    cert: str
    key: str


def parse_material(secret: Secret) -> TlsMaterial:
    """JSON ``{"ca": …, "cert": …, "key": …}``, all PEM. Raises RejectedError, which shows nothing of it."""
    try:
        sealed = _Sealed.model_validate_json(secret.reveal())
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) or "JSON" for problem in error.errors()})
        message = f"cannot read the client certificate of an engine: wrong or missing {', '.join(fields)}"
        raise RejectedError(message) from None
    return TlsMaterial(ca=sealed.ca.encode(), cert=sealed.cert.encode(), key=Secret(sealed.key.encode()))


def build_context(material: TlsMaterial) -> ssl.SSLContext:
    """A client's context that trusts nobody but the given CA. Raises RejectedError for unusable PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # ssl takes a certificate and its key only by path; an anonymous file in memory has one
    memory = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        with open(memory, "wb", closefd=False) as file:
            file.write(material.cert + b"\n" + material.key.reveal())
        context.load_cert_chain(f"/proc/self/fd/{memory}", password=_refuse_password)
        context.load_verify_locations(cadata=material.ca.decode())
    except (ssl.SSLError, ValueError) as error:
        raise RejectedError(f"cannot use the client certificate of an engine: {error}") from None
    finally:
        os.close(memory)
    return context


def _refuse_password() -> str:
    # without this, OpenSSL would ask at the terminal
    raise ValueError("its key is encrypted")


class TlsAdapter(HTTPAdapter):
    """Connections with one context of ours, noticed within seconds when the line is cut."""

    def __init__(self, context: ssl.SSLContext, *, connections: int) -> None:
        self._context = context
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(
            *args, **options, ssl_context=self._context, socket_options=[*SOCKET_OPTIONS]
        )

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the inherited method would add the public CAs to those our context trusts."""
