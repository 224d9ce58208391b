"""What the engine's API tells of its objects -> states. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from drp.model.specs import SPEC_LABEL
from drp.ports.hosts import ContainerState, NetworkState
from drp.providers.docker.translate import find_bridge, has_host_address

_BUILT_IN_POOLS: Final = (*(f"172.{number}.0.0/16" for number in range(17, 32)), "192.168.0.0/16")
"""What an engine uses that was told nothing (libnetwork, ``ipamutils``)."""


def parse_pools(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The pools an engine tells of in its own description; it is silent about those built into it."""
    pools = info.get("DefaultAddressPools") or ()
    return tuple(pool["Base"] for pool in pools if ":" not in pool["Base"]) or _BUILT_IN_POOLS


def parse_container(found: Mapping[str, Any]) -> ContainerState:
    """An inspected container."""
    labels = dict(found["Config"].get("Labels") or {})
    networks = found["NetworkSettings"].get("Networks") or {}
    return ContainerState(
        name=found["Name"].lstrip("/"),
        id=found["Id"],
        image=found["Image"],
        status=found["State"]["Status"],
        exit_code=found["State"]["ExitCode"],
        spec_digest=labels.pop(SPEC_LABEL, ""),
        labels=labels,
        networks={
            name: endpoint.get("IPAddress") or "" for name, endpoint in networks.items() if name != "none"
        },
        published=_parse_ports(found["NetworkSettings"].get("Ports") or {}),
    )


def _parse_ports(ports: Mapping[str, Any]) -> tuple[str, ...]:
    bindings = [binding for port in ports.values() for binding in port or []]
    return tuple(sorted(f"{binding['HostIp']}:{binding['HostPort']}" for binding in bindings))


def parse_network(found: Mapping[str, Any]) -> NetworkState:
    """An inspected network. ``subnet`` is empty for one without addresses of its own (host, none)."""
    options = found.get("Options") or {}
    blocks = (found.get("IPAM") or {}).get("Config") or []
    members = (found.get("Containers") or {}).values()
    return NetworkState(
        name=found["Name"],
        subnet=next((block["Subnet"] for block in blocks if ":" not in block["Subnet"]), ""),
        bridge=find_bridge(options),
        internal=bool(found.get("Internal")),
        host_address=has_host_address(options),
        labels=dict(found.get("Labels") or {}),
        members={member["Name"]: member["IPv4Address"].partition("/")[0] for member in members},
    )


def parse_time(text: str) -> datetime:
    """RFC 3339 with nanoseconds -> datetime with zone. Raises ValueError."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
