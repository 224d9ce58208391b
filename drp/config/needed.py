"""Which secrets a configuration needs, so that they can be made, set and checked for before a run."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from drp.config.derive import ROOT_BYTES
from drp.config.sealed import SealedContent
from drp.model.inventory import Inventory, SecretClass, SecretRef
from drp.model.values import Secret

Purpose = Literal["engine", "store", "zone", "signer", "certificate", "root", "token", "backup", "guards"]

MADE_BY_DRP: Final[frozenset[Purpose]] = frozenset({"root", "token", "signer", "backup", "guards"})
"""The others come from elsewhere: an engine's CA, a store's provider, the DNS server, a certificate's CA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededSecret:
    """``owner`` is the name of the host, store, zone, site or tenant that it belongs to."""

    ref: SecretRef
    purpose: Purpose
    owner: str
    rotation: SecretClass


def needed_secrets(inventory: Inventory) -> list[NeededSecret]:
    """All references with what they are for, each once, in the order of the configuration."""
    found = [_need(host.tls, "engine", host.name) for host in inventory.hosts()]
    found += [_need(store.key, "store", store.name) for store in inventory.stores.values()]
    found.append(_need(inventory.dns.key, "zone", inventory.dns.name))
    found += [_need(signer.private, "signer", signer.site) for signer in inventory.signers.values()]
    found.append(_need(inventory.fence.key, "guards", "guards"))
    for tenant in inventory.tenants.values():
        found += [
            _need(tenant.certificate, "certificate", tenant.name),
            _need(tenant.root, "root", tenant.name),
            _need(tenant.token, "token", tenant.name),
            _need(tenant.backup_private, "backup", tenant.name),
        ]
    return list(dict.fromkeys(found))


def missing_secrets(needed: Iterable[NeededSecret], content: SealedContent) -> list[NeededSecret]:
    """Those that should be in the sealed file and are not."""
    return [each for each in needed if each.ref.kind == "sealed" and each.ref.name not in content.entries]


def new_random() -> Secret:
    """32 random bytes: a tenant's root."""
    return Secret(secrets.token_bytes(ROOT_BYTES))


def new_token() -> Secret:
    """32 random bytes as 43 characters of base64url: a token-signing secret that survives any text file."""
    return Secret(secrets.token_urlsafe(32).encode())


def _need(ref: SecretRef, purpose: Purpose, owner: str) -> NeededSecret:
    rotation: SecretClass = "overlap" if purpose == "token" else "keep"
    return NeededSecret(ref=ref, purpose=purpose, owner=owner, rotation=rotation)
