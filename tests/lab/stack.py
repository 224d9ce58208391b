"""The images of the lab put together by hand, without drp: to test the images themselves."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import docker
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool, LogConfig

from tests.lab.host import HostMachine
from tests.lab.images.build import Image

PASSWORDS = {"mongodb": "canary-of-mongodb", "redis": "canary-of-redis"}
_SECRETS = {
    "mongodb": {"mongodb-password": PASSWORDS["mongodb"], "mongodb-keyfile": "a2V5IG9mIHRoZSBzZXQK"},
    "redis": {"redis.conf": f"bind 0.0.0.0\ndir /data\nappendonly yes\nrequirepass {PASSWORDS['redis']}\n"},
    "api": {
        "mongodb.uri": f"mongodb://drp:{PASSWORDS['mongodb']}@mongodb:27017/?authSource=admin&directConnection=true",
        "redis.uri": f"redis://:{PASSWORDS['redis']}@redis:6379/0",
        "token.key": "canary-of-tokens",
    },
}
_DATA = {"mongodb": "/data/db", "redis": "/data"}
_LINKS = {"mongodb": ["data"], "redis": ["cache"], "api": ["front", "data", "cache"]}
_UIDS = {"mongodb": 4001, "redis": 4002, "api": 4003}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Three running containers by service, ``address`` is the API's as the host sees it."""

    host: HostMachine
    containers: dict[str, Container] = field(default_factory=dict)
    address: str

    def request(
        self, method: str, path: str, body: bytes | None = None, *, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Status and body of the API's answer."""
        with self.host.net(), contextlib.closing(self.open_connection()) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()

    def open_connection(self) -> http.client.HTTPConnection:
        """To be used inside ``host.net()``."""
        return http.client.HTTPConnection(self.address, 8080, timeout=30)

    def request_json(self, method: str, path: str, words: object) -> tuple[int, dict[str, object]]:
        status, body = self.request(method, path, json.dumps(words).encode())
        return status, json.loads(body)


@contextlib.contextmanager
def running_stack(host: HostMachine, images: Mapping[str, Image], prefix: str) -> Iterator[Stack]:
    """Make it on the host, and remove all of it."""
    host.load(*(images[service] for service in _LINKS))
    with contextlib.closing(host.open_client()) as client, contextlib.ExitStack() as undo:
        subnets = list(host.subnets.subnets(new_prefix=28))[-3:]
        for link, subnet in zip(("front", "data", "cache"), subnets, strict=True):
            pool = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))])
            network = client.networks.create(
                f"{prefix}-{link}", driver="bridge", internal=link != "front", ipam=pool
            )
            undo.callback(network.remove)
        containers = {}
        for service in _LINKS:
            containers[service] = _create(client, service, images[service].id, prefix)
            undo.callback(containers[service].remove, force=True, v=True)
        for container in containers.values():
            container.start()
        containers["api"].reload()
        address = containers["api"].attrs["NetworkSettings"]["Networks"][f"{prefix}-front"]["IPAddress"]
        yield Stack(host=host, containers=containers, address=address)


def _create(client: docker.DockerClient, service: str, image: str, prefix: str) -> Container:
    volumes = [f"/run/drp/{prefix}-{service}:/run/secrets"]
    if service in _DATA:
        volumes.append(f"{prefix}-{service}:{_DATA[service]}")
    first, *others = _LINKS[service]
    container = client.containers.create(
        image,
        name=f"{prefix}-{service}",
        user=f"{_UIDS[service]}:{_UIDS[service]}",
        volumes=volumes,
        network=f"{prefix}-{first}",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
        pids_limit=256,
        mem_limit="1g",
        init=True,
        tmpfs={"/tmp": "noexec,nosuid,nodev,size=64m"},
    )
    client.networks.get(f"{prefix}-{first}").disconnect(container)
    for link in (first, *others):
        client.networks.get(f"{prefix}-{link}").connect(container, aliases=[service])
    container.put_archive("/run/secrets", _pack(_SECRETS[service], _UIDS[service]))
    return container


def _pack(files: Mapping[str, str], uid: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            head = tarfile.TarInfo(name)
            # mongod takes its key file only from its own user and closed to all others
            head.uid, head.mode = (uid, 0o400) if name == "mongodb-keyfile" else (0, 0o440)
            head.gid, head.size = uid, len(text)
            archive.addfile(head, io.BytesIO(text.encode()))
    return buffer.getvalue()


def run_once(
    host: HostMachine, image: Image, words: list[str], *, user: str, entry: str | None = None
) -> str:
    """What a container without any network said; it is removed again."""
    host.load(image)
    with contextlib.closing(host.open_client()) as client:
        said = client.containers.run(
            image.id,
            words,
            entrypoint=entry,
            user=user,
            network_mode="none",
            read_only=True,
            remove=True,
            log_config=LogConfig(type="json-file"),
        )
    return said.decode()
