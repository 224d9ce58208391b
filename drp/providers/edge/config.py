"""Pure half of the HAProxy edge: the files in its container, from what an edge must know.

The container (the builder of specs makes it) must have: an image with socat, flock, busybox and
HAProxy 2.6 or newer built with Lua; the command ``COMMAND``; a volume at ``/etc/drp-edge`` and a tmpfs at
``/run/haproxy``, both writable by its user; a directory of the host's tmpfs at ``/run/secrets``; the sysctls
``net.ipv4.ip_forward=0`` and ``net.ipv4.ip_unprivileged_port_start=0``; ports 80 and 443 published.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Final

from drp.model.names import EDGE
from drp.model.specs import FileSpec
from drp.model.values import Secret
from drp.providers.edge.state import MEMORY

COMMAND: Final = ("/bin/sh", "/etc/drp-edge/edge.sh", "start")
MAPS: Final = ("routes.map", "held.map", "fenced.map")
"""Written by the edge itself; an installation leaves those that are there alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """What an edge must know. ``authorities`` PEM of the CAs that other edges' certificates come from,
    ``peers`` addresses from which other edges' requests arrive, ``uid`` of the container's user.

    The rest is where things lie in the container; ``address`` "" means all of them, ``idle_s`` seconds.
    """

    authorities: str
    peers: tuple[str, ...]
    uid: int
    container: str = EDGE
    config: str = "/etc/drp-edge"
    run: str = "/run/haproxy"
    secrets: str = "/run/secrets"
    address: str = ""
    http_port: int = 80
    https_port: int = 443
    idle_s: int = 60


def build_files(settings: EdgeSettings) -> tuple[FileSpec, ...]:
    """All files of the configuration directory but the maps, sorted by name."""
    texts = {
        "authorities.pem": settings.authorities,
        "edge.sh": render_script(settings),
        "haproxy.cfg": _render("haproxy.cfg", settings),
        "hold.lua": _render("hold.lua", settings),
        "peers.list": "".join(f"{peer}\n" for peer in sorted(settings.peers)),
    }
    return tuple(build_file(name, text, settings) for name, text in sorted(texts.items()))


def build_file(name: str, text: str, settings: EdgeSettings) -> FileSpec:
    """A file of the configuration directory, the container's user its owner."""
    content = Secret(text.encode())
    return FileSpec(name=name, content=content, uid=settings.uid, gid=settings.uid, mode=0o644)


def build_certificate_file(name: str, pem: Secret, settings: EdgeSettings) -> FileSpec:
    """The file of the secrets directory for a name: owner root, readable by the container's group."""
    return FileSpec(name=f"{name}.pem", content=pem, uid=0, gid=settings.uid, mode=0o440)


def render_script(settings: EdgeSettings) -> str:
    """The shell program that drp starts and runs in the container."""
    places = {
        "CONFIG": settings.config,
        "RUN": settings.run,
        "SECRETS": settings.secrets,
        "SELF": f"{settings.address or '127.0.0.1'}:{settings.https_port}",
    }
    return "".join(f"{name}={value}\n" for name, value in places.items()) + _load("edge.sh")


def _render(file: str, settings: EdgeSettings) -> str:
    return Template(_load(file)).substitute(
        config=settings.config,
        run=settings.run,
        address=settings.address,
        http_port=settings.http_port,
        https_port=settings.https_port,
        idle=f"{settings.idle_s}s",
        memory=f"{MEMORY.days}d",
    )


def _load(file: str) -> str:
    return files(__package__).joinpath(file).read_text()
