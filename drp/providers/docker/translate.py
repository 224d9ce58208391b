"""Specs -> bodies of the engine's API, hardened alike for every container. Pure.

What is fixed here is no part of a spec, so that no caller can ask for less.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from drp.errors import BugError
from drp.model.names import SECRETS_ROOT
from drp.model.specs import (
    SPEC_LABEL,
    Attachment,
    ContainerSpec,
    Mount,
    NetworkSpec,
    PublishedPort,
)

OPEN_FILES: Final = 16384
"""Below what an engine in a container of a build machine inherits (20000); more would refuse to start."""

TEMPORARY: Final = "size=64m,noexec,nosuid,nodev,mode=1777"
"""Every container's /tmp: an upload finds no place to run from."""

_LOG: Final = {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}}
_NO_LOG: Final = {"Type": "none", "Config": {}}
_OPTION: Final = "com.docker.network.bridge."


def build_container(spec: ContainerSpec) -> dict[str, Any]:
    """Body of ``POST /containers/create``; only the first attachment is in it. Raises BugError.

    Engine 20.10 takes one network at creation: the others are connected afterwards.
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "User": f"{spec.uid}:{spec.gid}",
        "Env": [f"{name}={value}" for name, value in sorted(spec.environment.items())],
        "Labels": {**spec.labels, SPEC_LABEL: spec.digest()},
        "Tty": False,
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin,
        "AttachStdin": spec.stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "StopTimeout": spec.stop_timeout,
        # a check of the image's own would run commands nobody asked for and keep their output on disk
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {_port(port): {} for port in spec.ports},
        "HostConfig": _build_host_config(spec),
        "NetworkingConfig": {
            "EndpointsConfig": {link.network: build_endpoint(link) for link in spec.attachments[:1]}
        },
    }
    if spec.command:
        body["Cmd"] = [*spec.command]
    if spec.entrypoint is not None:
        # an empty list would mean the image's own
        body["Entrypoint"] = [*spec.entrypoint] or [""]
    if spec.hostname:
        body["Hostname"] = spec.hostname
    return body


def build_look(spec: ContainerSpec) -> dict[str, Any]:
    """Body for a container that sees the host's network and can change nothing. Raises BugError."""
    powers = {
        "mounts": spec.mounts,
        "networks": spec.attachments,
        "ports": spec.ports,
        "capabilities": spec.capabilities,
        "sysctls": spec.sysctls,
        "root": not spec.uid or not spec.gid,
    }
    has = [name for name, power in powers.items() if power]
    if has:
        raise BugError(f"cannot look from '{spec.name}': a look has no {', no '.join(has)}")
    body = build_container(spec)
    body["HostConfig"]["NetworkMode"] = "host"
    return body


def _build_host_config(spec: ContainerSpec) -> dict[str, Any]:
    return {
        "NetworkMode": _network_mode(spec),
        "PortBindings": {
            _port(port): [{"HostIp": _check_address(port.address), "HostPort": str(port.port)}]
            for port in spec.ports
        },
        "Binds": [_render_bind(mount) for mount in spec.mounts if mount.host_path is not None],
        "Mounts": [_build_volume_mount(mount) for mount in spec.mounts if mount.volume is not None],
        # runc 1.1 takes the mode of the image's folder over the one asked for; the owner it takes as asked
        "Tmpfs": {"/tmp": f"{TEMPORARY},uid={spec.uid},gid={spec.gid}", **spec.tmpfs},
        "Sysctls": dict(spec.sysctls),
        "CapDrop": ["ALL"],
        "CapAdd": [*spec.capabilities],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "ReadonlyRootfs": True,
        "IpcMode": "private",
        "Init": True,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": dict(_LOG if spec.logs else _NO_LOG),
        "Memory": spec.memory,
        "MemorySwap": spec.memory,
        "NanoCpus": round(spec.cpus * 1e9),
        "PidsLimit": spec.pids,
        "Ulimits": [
            {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
    }


def _network_mode(spec: ContainerSpec) -> str:
    if not spec.join:
        return spec.attachments[0].network if spec.attachments else "none"
    if spec.attachments or spec.ports or spec.hostname:
        raise BugError(f"cannot create container '{spec.name}': what joins '{spec.join}' has no network")
    return f"container:{spec.join}"


def build_endpoint(link: Attachment) -> dict[str, Any]:
    """An endpoint's settings, for creation and for connecting."""
    endpoint: dict[str, Any] = {"Aliases": [*link.aliases]}
    if link.address is not None:
        endpoint["IPAMConfig"] = {"IPv4Address": link.address}
    return endpoint


def build_network(spec: NetworkSpec) -> dict[str, Any]:
    """Body of ``POST /networks/create``."""
    return {
        "Name": spec.name,
        "Driver": "bridge",
        "CheckDuplicate": True,
        "Internal": spec.internal,
        "Attachable": False,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": spec.subnet}]},
        "Options": {
            f"{_OPTION}name": spec.bridge,
            f"{_OPTION}inhibit_ipv4": _flag(not spec.host_address),
            f"{_OPTION}enable_icc": _flag(spec.talk),
            # where a port would go that names no address
            f"{_OPTION}host_binding_ipv4": "127.0.0.1",
        },
        "Labels": dict(spec.labels),
    }


def has_host_address(options: Mapping[str, str]) -> bool:
    """Whether the host stands on a network with these driver options."""
    return options.get(f"{_OPTION}inhibit_ipv4") != "true"


def find_bridge(options: Mapping[str, str]) -> str:
    """Name of the bridge, or empty when the engine chose it."""
    return options.get(f"{_OPTION}name", "")


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _port(port: PublishedPort) -> str:
    return f"{port.container_port}/tcp"


def _check_address(address: str) -> str:
    if not address or ipaddress.ip_address(address).is_unspecified:
        raise BugError(f"cannot publish a port on '{address}': it is not one address of the host")
    return address


def _render_bind(mount: Mount) -> str:
    """The old form of a bind: the engine makes a directory that is missing on the host."""
    path = str(mount.host_path)
    if ".." in path.split("/") or not (path == SECRETS_ROOT or path.startswith(f"{SECRETS_ROOT}/")):
        raise BugError(f"cannot mount '{path}' of a host: only directories under {SECRETS_ROOT} are")
    return f"{path}:{mount.path}:{'ro' if mount.read_only else 'rw'}"


def _build_volume_mount(mount: Mount) -> dict[str, Any]:
    read_only = {"ReadOnly": True} if mount.read_only else {}
    return {"Type": "volume", "Source": mount.volume, "Target": mount.path, **read_only}
