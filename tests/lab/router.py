"""A router with its local networks: bridges in one machine, which forwards between them.

There are two, so that the public and the management side have nothing in common.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machine import LabError, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machine import Leg

_LOSING = """
table inet faults {
	chain forward { type filter hook forward priority -10; policy accept; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """One local network: the bridge ``name`` in its router, which is the ``gateway``."""

    name: str
    network: IPv4Network
    router: Router
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]

    def next_port(self) -> str:
        return f"{self.name}p{next(self._numbers)}"

    def plug(self, leg: Leg, pid: int) -> None:
        """Lay the cable of a machine (``pid`` is its init). Raises LabError."""
        # Made straight into both namespaces: no end of it is ever seen by the machine's own network.
        words = ["ip", "link", "add", leg.port, "netns", str(self.router.pid), "type", "veth"]
        peer = ["peer", "name", leg.device, "address", leg.hardware_address, "netns", str(pid)]
        # The port of a machine that was just cut off goes with its namespace, a moment later.
        for _ in range(250):
            done = subprocess.run([*words, *peer], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
            time.sleep(0.02)
        else:
            raise LabError(f"cannot plug '{leg.device}' into {self.name}: {done.stderr.strip()}")
        self.router.ip_batch([f"link set {leg.port} master {self.name}", f"link set {leg.port} up"])

    @contextlib.contextmanager
    def pulled(self, leg: Leg) -> Iterator[None]:
        """The cable is out meanwhile; addresses and routes of both ends stay, as with a real one."""
        self.router.ip_batch([f"link set {leg.port} down"])
        try:
            yield
        finally:
            self.router.ip_batch([f"link set {leg.port} up"])

    def unplug(self, leg: Leg) -> None:
        if self.router.is_on:
            self.router.run("ip", "link", "del", leg.port, check=False)


class Router(Machine):
    """Holds segments and routes between them."""

    forwards = True

    def __init__(self, name: str, disk: Path, *, lab_id: str, rules: str = "") -> None:
        super().__init__(name, disk, lab_id=lab_id)
        self._rules = rules
        self._segments: list[Segment] = []

    def add_segment(self, name: str, network: IPv4Network) -> Segment:
        segment = Segment(name=name, network=network, router=self)
        self._segments.append(segment)
        return segment

    def boot(self) -> None:
        super().boot()
        # frames inside a local network are not the business of its router's rules
        self.run("sh", "-c", "f=/proc/sys/net/bridge/bridge-nf-call-iptables; [ ! -e $f ] || echo 0 > $f")
        if self._rules:
            self.run("nft", "-f", "-", input=self._rules)
        for segment in self._segments:
            self.ip_batch(
                [
                    f"link add {segment.name} type bridge forward_delay 0",
                    f"addr add {segment.gateway}/{segment.network.prefixlen} dev {segment.name}",
                    f"link set {segment.name} up",
                ],
            )

    @contextlib.contextmanager
    def cutting(self, network: IPv4Network, *, spared: IPv4Address, way: str = "both") -> Iterator[None]:
        """Packets ``out`` of a network, ``in`` to it or ``both`` are lost, but those of one machine."""
        rules = {
            "out": ["ip", "saddr", str(network), "ip", "daddr", "!=", str(spared), "drop"],
            "in": ["ip", "daddr", str(network), "ip", "saddr", "!=", str(spared), "drop"],
        }
        self.run("nft", "-f", "-", input=_LOSING)
        for name in rules if way == "both" else [way]:
            self.run("nft", "add", "rule", "inet", "faults", "forward", *rules[name])
        try:
            yield
        finally:
            self.run("nft", "delete", "table", "inet", "faults")

    @contextlib.contextmanager
    def losing(self, *, source: IPv4Address | IPv4Network, destination: IPv4Address) -> Iterator[None]:
        """Packets from the one to the other are lost in silence meanwhile; answers are other packets."""
        self.run("nft", "-f", "-", input=_LOSING)
        self.run("nft", "add", "rule", "inet", "faults", "forward",
                 "ip", "saddr", str(source), "ip", "daddr", str(destination), "drop")  # fmt: skip
        try:
            yield
        finally:
            self.run("nft", "delete", "table", "inet", "faults")
