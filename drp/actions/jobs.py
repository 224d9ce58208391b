"""Orders for helpers: where a tenant's databases and stores are, and the secrets to open them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from drp.actions.action import Call, ReadPorts, WritePorts
from drp.config.derive import derive_password
from drp.model.inventory import Store
from drp.model.names import Instance
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap, Secret
from drp.ports.helpers import Job

ADMIN = "drp"
"""The database account with which an instance is born and which only drp uses."""


def run_job(ports: WritePorts, host: str, spec: ContainerSpec, job: Job, *, call: Call) -> JsonMap:
    """Run a job to its end within the step's deadline; its result."""
    deadline = timedelta(seconds=call.deadline_s)
    return ports.helpers.run(host, spec, job, deadline=deadline, progress=call.progress)


def password(ports: ReadPorts | WritePorts, instance: Instance, account: str) -> Secret:
    """The fresh password of an account of one instance."""
    root = ports.secret(ports.inventory.tenants[instance.tenant].root)
    return derive_password(root, instance=str(instance), account=account)


def databases(ports: ReadPorts | WritePorts, instance: Instance) -> tuple[JsonMap, dict[str, Secret]]:
    """Parameters and secrets by which a helper on the instance's links reaches both databases."""
    tenant = ports.inventory.tenants[instance.tenant]
    params: JsonMap = {
        "mongodb": {"host": "mongodb", "port": tenant.services["mongodb"].port, "user": ADMIN},
        "redis": None if tenant.redis == "skip" else {"host": "redis", "port": tenant.services["redis"].port},
    }
    secrets = {
        "mongodb": password(ports, instance, ADMIN),
        "redis": password(ports, instance, "redis"),
    }
    return params, secrets


def store(ports: ReadPorts | WritePorts, name: str, role: str) -> tuple[JsonMap, dict[str, Secret]]:
    """Parameters and secrets of a bucket under the names ``ROLE``, ``ROLE-access``, ``ROLE-secret``."""
    found = ports.inventory.stores[name]
    access, secret = store_credentials(ports, found)
    params: JsonMap = {role: {"url": found.url, "region": found.region, "bucket": found.bucket, "prefix": ""}}
    return params, {f"{role}-access": access, f"{role}-secret": secret}


def store_credentials(ports: ReadPorts | WritePorts, found: Store) -> tuple[Secret, Secret]:
    """Access key and secret key of a store."""
    key: Mapping[str, str] = json.loads(ports.secret(found.key).reveal())
    return Secret(key["access"].encode()), Secret(key["secret"].encode())
