"""Which secret files each service gets, and how they look."""

from __future__ import annotations

from urllib.parse import quote

from drp.actions.action import ReadPorts, WritePorts
from drp.actions.jobs import ADMIN, password
from drp.model.inventory import Service
from drp.model.names import Instance, ServiceRole
from drp.model.specs import FileSpec
from drp.model.values import Secret

READABLE = 0o440
"""Owner root, group the service: it can read and not alter."""

_KEYFILE_LETTERS = bytes.maketrans(b"-_", b"+/")


def secret_files(
    ports: ReadPorts | WritePorts, instance: Instance, role: ServiceRole
) -> tuple[FileSpec, ...]:
    """The files of one service, sorted by name."""
    makers = {"mongodb": _mongodb_files, "redis": _redis_files, "api": _api_files}
    service = ports.inventory.tenants[instance.tenant].services[role]
    return tuple(sorted(makers[role](ports, instance, service), key=lambda f: f.name))


def _file(name: str, content: bytes, service: Service) -> FileSpec:
    return FileSpec(name=name, content=Secret(content), uid=0, gid=service.gid, mode=READABLE)


def _mongodb_files(ports: ReadPorts | WritePorts, instance: Instance, service: Service) -> list[FileSpec]:
    # mongod takes a key of plain base64 only, not that of URLs,
    key = Secret(password(ports, instance, "mongodb-keyfile").reveal().translate(_KEYFILE_LETTERS))
    # and refuses a key file that anybody but its own user may read
    keyfile = FileSpec(name="mongodb-keyfile", content=key, uid=service.uid, gid=service.gid, mode=0o400)
    return [keyfile, _file("mongodb-password", password(ports, instance, ADMIN).reveal(), service)]


def _redis_files(ports: ReadPorts | WritePorts, instance: Instance, service: Service) -> list[FileSpec]:
    secret = password(ports, instance, "redis").reveal().decode()
    lines = [
        "bind 0.0.0.0",
        f"port {service.port}",
        f"dir {service.data}",
        "appendonly yes",
        f"requirepass {secret}",
    ]
    return [_file("redis.conf", ("\n".join(lines) + "\n").encode(), service)]


def _api_files(ports: ReadPorts | WritePorts, instance: Instance, service: Service) -> list[FileSpec]:
    tenant = ports.inventory.tenants[instance.tenant]
    account = tenant.accounts[0].name
    mongodb_port, redis_port = tenant.services["mongodb"].port, tenant.services["redis"].port
    mongodb = quote(password(ports, instance, account).reveal().decode(), safe="")
    redis = quote(password(ports, instance, "redis").reveal().decode(), safe="")
    database = f"mongodb://{account}:{mongodb}@mongodb:{mongodb_port}/?authSource=admin&directConnection=true"
    return [
        _file("mongodb.uri", database.encode(), service),
        _file("redis.uri", f"redis://:{redis}@redis:{redis_port}/0".encode(), service),
        _file("token.key", _token(ports, instance).reveal(), service),
    ]


def _token(ports: ReadPorts | WritePorts, instance: Instance) -> Secret:
    """It moves with the tenant; but what a drill signs must open nothing outside its bubble."""
    if instance.is_drill:
        return password(ports, instance, "token-signing")
    return ports.secret(ports.inventory.tenants[instance.tenant].token)
