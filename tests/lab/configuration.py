"""The configuration of drp for the laboratory, written as an operator would write it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drp.config.sealed import SealedContent, SealedEntry, new_identity, seal
from drp.dataplane.keys import new_backup_keypair, new_signing_keypair
from drp.model.values import Secret
from tests.lab.lab import Lab

Entries = dict[str, SealedEntry]

_ENVS = ("production", "production", "production", "staging", "preprod")
_TIERS = ("silver", "silver", "silver", "gold", "bronze")
_DEDICATED = 2
"""The third tenant has a host of its own at each site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the configuration lies, and the identity that opens its sealed file.

    ``runbooks``: the folder to use, None for that of the checkout.
    """

    folder: Path
    key_file: Path
    ca_file: Path
    runbooks: Path | None = None


def write_configuration(
    lab: Lab, folder: Path, *, freeze: str = "2m", ttl: int = 60, apis: Mapping[str, str] | None = None
) -> Written:
    """Write ``drp.yml``, one file a tenant and the sealed secrets. ``ttl`` in seconds.

    ``apis``: ids of images that take the place of the usual API's, by tenant.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tenants").mkdir(exist_ok=True)
    identity, recipient = new_identity()
    key_file = folder.parent / "operator.key"
    key_file.write_bytes(identity.reveal() + b"\n")
    key_file.chmod(0o600)
    (folder / "ca.pem").write_bytes(lab.ca.certificate)
    entries: Entries = {}
    write_json(folder / "drp.yml", _build_company(lab, entries, ttl=ttl))
    for number, name in enumerate(lab.names.tenants):
        tenant = _build_tenant(lab, name, entries, number=number, freeze=freeze)
        if name in (apis or {}):
            tenant["images"] = {"api": (apis or {})[name]}
        write_json(folder / "tenants" / f"{name}.yml", {"tenants": {name: tenant}})
    content = SealedContent(version=1, recipients=(recipient,), entries=entries)
    (folder / "secrets.sealed").write_bytes(seal(content))
    return Written(folder=folder, key_file=key_file, ca_file=folder / "ca.pem")


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """JSON is YAML."""
    path.write_text(json.dumps(value, indent=2) + "\n")


def _keep(entries: Entries, name: str, value: bytes) -> str:
    entries[name] = SealedEntry(value=Secret(value), rotation="keep")
    return f"sealed:{name}"


def _build_company(lab: Lab, entries: Entries, *, ttl: int) -> dict[str, object]:
    place = {"country": "FR", "provider": "metal", "account": "main"}
    outside = {"country": "FR", "provider": "other", "account": "second"}
    dns_key = {"name": lab.dns.tsig.name, "algorithm": lab.dns.tsig.algorithm, "secret": lab.dns.tsig.secret}
    return {
        "version": "1",
        "timezone": "Europe/Paris",
        "sites": {
            site.name: {**place, "hosts": {name: _build_host(lab, name, entries) for name in site.hosts}}
            for site in lab.names.sites
        },
        "stores": {bucket: {**outside, **_build_store(lab, bucket, entries)} for bucket in lab.s3.buckets},
        "witness": "witness",
        "backup": {"store": "backups", "keys": "keys"},
        "dns": {
            "main": {
                "kind": "rfc2136",
                "servers": [str(lab.dns.primary), str(lab.dns.secondary)],
                "zone": lab.dns.zone,
                "key": _keep(entries, "tsig", json.dumps(dns_key).encode()),
                "ttl": f"{ttl}s",
                "move-ttl": f"{min(5, ttl)}s",
                **outside,
            }
        },
        "signers": {site.name: _build_signer(site.name, entries) for site in lab.names.sites},
        "images": {"helper": lab.images["helper"].id, "edge": lab.images["edge"].id},
        "edge": {"ca": "file:ca.pem"},
        "fence": {"term": "5s", "key": _keep(entries, "guards", secrets.token_bytes(32))},
        "secrets": {"kind": "sealed-file", "file": "secrets.sealed"},
        "operators": [f"ops@{lab.dns.zone}"],
        "defaults": {
            "env": "production",
            "contacts": [f"it@{lab.dns.zone}"],
            "images": {role: lab.images[role].id for role in ("api", "mongodb", "redis")},
        },
    }


def _build_host(lab: Lab, name: str, entries: Entries) -> dict[str, object]:
    host = lab.hosts[name]
    material = {"ca": host.tls.ca.decode(), "cert": host.tls.cert.decode(), "key": host.tls.key.decode()}
    return {
        "engine": host.engine_url,
        "tls": _keep(entries, name, json.dumps(material).encode()),
        "edge": str(host.edge_address),
        "memory": "16GiB",
        "disk": "100GiB",
        "cpus": "4",
        "subnets": str(host.subnets),
    }


def _build_store(lab: Lab, bucket: str, entries: Entries) -> dict[str, object]:
    account = lab.s3.buckets[bucket]
    key = json.dumps({"access": account.access, "secret": account.secret}).encode()
    return {
        "kind": "s3",
        "url": lab.s3.endpoint,
        "region": lab.s3.region,
        "bucket": bucket,
        "place": "third-zone",
        "key": _keep(entries, f"store.{bucket}", key),
    }


def _build_signer(site: str, entries: Entries) -> dict[str, object]:
    pair = new_signing_keypair()
    private = _keep(entries, f"{site}.signing", pair.private.reveal())
    return {"public": base64.b64encode(pair.public).decode(), "private": private}


def _build_tenant(lab: Lab, name: str, entries: Entries, *, number: int, freeze: str) -> dict[str, object]:
    domain = f"{name}.{lab.dns.zone}"
    pair = new_backup_keypair()
    _keep(entries, f"{name}.backup", pair.private.reveal())
    _keep(entries, f"{name}.root", secrets.token_bytes(32))
    _keep(entries, f"{name}.token", secrets.token_bytes(32))
    _keep(entries, f"{name}.tls", lab.ca.issue_server(domain).bundle)
    return {
        "home": lab.names.home.name,
        "domains": [domain],
        "env": _ENVS[number % len(_ENVS)],
        "tier": _TIERS[number % len(_TIERS)],
        "dedicated": "true" if number == _DEDICATED else "false",
        "memory": "2GiB" if len(lab.names.tenants) <= 3 else "1GiB",
        "disk": "4GiB",
        "freeze": freeze,
        "backup-key": {"public": base64.b64encode(pair.public).decode(), "private": f"sealed:{name}.backup"},
        "accounts": [{"name": "api", "roles": [{"role": "readWriteAnyDatabase", "db": "admin"}]}],
        "smoke": [
            {"method": "PUT", "path": "/probe/drp", "body": '{"value": "drp"}', "expect-status": "200"},
            {"method": "GET", "path": "/probe/drp", "expect-status": "200", "expect-contains": "drp"},
            {"method": "DELETE", "path": "/probe/drp", "expect-status": "200"},
        ],
        "smoke-collections": ["app.drp_probe"],
        "drill": _build_drill(),
    }


def _build_drill() -> list[dict[str, object]]:
    """Something is ordered, something is uploaded, somebody is logged in."""
    return [
        {"method": "PUT", "path": "/items/drill", "body": '{"value": "ordered"}'},
        {"method": "GET", "path": "/items/drill", "expect-contains": "ordered"},
        {"method": "PUT", "path": "/files/drill", "body": "uploaded"},
        {"method": "GET", "path": "/files/drill", "expect-contains": "uploaded"},
        {
            "method": "POST",
            "path": "/session",
            "body": '{"user": "drill"}',
            "expect-status": "201",
            "keep": {"token": "token"},
        },
        {
            "method": "GET",
            "path": "/session",
            "headers": {"Authorization": "Bearer {token}"},
            "expect-contains": "drill",
        },
    ]
