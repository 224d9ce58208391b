"""Ethernet frames as an attacker with all rights in a container would send them, and ears to hear them."""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_ALL: Final = 0x0003  # ETH_P_ALL
_IPV4: Final = 0x0800
SYN: Final = 0x02
PUSH: Final = 0x18
BROADCAST: Final = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A TCP segment in an Ethernet frame; ``source`` and ``target`` as (address, port), anything forged.

    ``numbers``: its sequence and acknowledgement number; a firewall that tracks connections looks at both.
    """

    hardware: str
    source: tuple[str, int]
    target: tuple[str, int]
    flags: int = SYN
    payload: bytes = b""
    numbers: tuple[int, int] = (7, 7)

    def build(self, sender: bytes) -> bytes:
        """The bytes on the wire."""
        source, target = (ipaddress.ip_address(end[0]).packed for end in (self.source, self.target))
        segment = self._segment(0)
        pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment))
        segment = self._segment(_sum(pseudo + segment))
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, socket.IPPROTO_TCP, 0)
        check = _sum(head + source + target)
        packet = head[:10] + struct.pack("!H", check) + source + target + segment
        return bytes.fromhex(self.hardware.replace(":", "")) + sender + struct.pack("!H", _IPV4) + packet

    def _segment(self, check: int) -> bytes:
        ports = (self.source[1], self.target[1])
        return (
            struct.pack("!HHIIBBHHH", *ports, *self.numbers, 0x50, self.flags, 1024, check, 0) + self.payload
        )


def _sum(data: bytes) -> int:
    """The Internet checksum."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return 0xFFFF - (total & 0xFFFF)


def send(frames: Sequence[Frame]) -> int:
    """Send each frame out of every interface of this thread's network; how many went."""
    sent = 0
    for _, name in socket.if_nameindex():
        if name != "lo":
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind((name, 0))
                for frame in frames:
                    sent += bool(raw.send(frame.build(raw.getsockname()[4])))
    return sent


class Ear:
    """Hears all frames that come into one network; made by ``listening``."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    def drain(self) -> list[bytes]:
        """What has been heard so far."""
        heard = []
        while select.select([self._raw], [], [], 0)[0]:
            heard.append(self._raw.recv(65536))
        return heard

    def wait_for(self, marker: bytes, seconds: float) -> list[bytes]:
        """All frames up to the one that holds the marker. Raises AssertionError when it does not come."""
        heard: list[bytes] = []
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and select.select([self._raw], [], [], left)[0]:
            frame, address = self._raw.recvfrom(65536)
            if address[2] != socket.PACKET_OUTGOING:
                heard.append(frame)
                if marker in frame:
                    return heard
        raise AssertionError("the frame that shows that frames are heard did not come")


def find_numbers(heard: Sequence[bytes], port: int) -> tuple[int, int]:
    """The numbers with which the owner of ``port`` goes on, by the answer to its SYN, which was heard."""
    ports_at, flags_at, both = 14 + 20, 14 + 20 + 13, 0x12
    answer = next(
        f for f in heard if f[ports_at + 2 : ports_at + 4] == port.to_bytes(2, "big") and f[flags_at] == both
    )
    sequence, acknowledged = struct.unpack("!II", answer[ports_at + 4 : ports_at + 12])
    return acknowledged, sequence + 1


@contextlib.contextmanager
def listening() -> Iterator[Ear]:
    """In this thread's network, on all of its interfaces."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        yield Ear(raw)
