"""Job ``survey``: what a host does not tell by its engine: room on its disk, and its routes."""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from drp.dataplane.job import Context
from drp.dataplane.jobs.params import SurveyParams
from drp.model.values import Json, JsonMap

_ROUTES = Path("/proc/self/net/route")
_UP = 0x1


def run_survey(context: Context) -> JsonMap:
    """``free_bytes`` and ``total_bytes`` of the file system that holds ``path``; ``routes``.

    A container's own root lies where its engine keeps all data. Free is what anybody but root may have.
    """
    found = os.statvfs(context.parse(SurveyParams).path)
    return {
        "free_bytes": found.f_bavail * found.f_frsize,
        "total_bytes": found.f_blocks * found.f_frsize,
        "routes": parse_routes(_ROUTES.read_text()),
    }


def parse_routes(text: str) -> list[Json]:
    """A kernel's table (proc(5)) -> ``{"network": CIDR, "interface": NAME}`` each; no default route."""
    found: list[Json] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or not int(fields[3], 16) & _UP:
            continue
        network = IPv4Network((_address(fields[1]), str(_address(fields[7]))))
        if network.prefixlen:
            found.append({"network": str(network), "interface": fields[0]})
    return found


def _address(written: str) -> IPv4Address:
    """Eight hexadecimal digits in the machine's own order of bytes."""
    return IPv4Address(socket.inet_ntoa(struct.pack("=I", int(written, 16))))
