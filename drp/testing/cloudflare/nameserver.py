"""Name servers of the zones, on loopback by TCP; they flatten names that lead to others of the same zone."""

from __future__ import annotations

import socketserver
import struct
from collections.abc import Callable
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

from drp.testing.cloudflare.zone import FakeZone, Record

_LENGTH: Final = struct.Struct("!H")
_AUTOMATIC_S: Final = 300


class NameServer(socketserver.ThreadingTCPServer):
    """Answers from the zones' records as they are now. ``flattens``: as the service does, always."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, zones: list[FakeZone], flattens: Callable[[], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zones = zones
        self.flattens = flattens

    @property
    def address(self) -> str:
        """As a configuration names it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(query)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        zone = next((z for z in self.zones if name == z.name or name.endswith(f".{z.name}")), None)
        if zone is None:
            made.set_rcode(dns.rcode.REFUSED)
            return made
        made.flags |= dns.flags.AA
        for record in self._look_up(zone, name, kind):
            ttl = _AUTOMATIC_S if record["ttl"] == 1 else record["ttl"]
            absolute = record["content"] + ("." if record["type"] in ("CNAME", "NS") else "")
            data = dns.rdata.from_text("IN", record["type"], absolute)
            answers = made.find_rrset(made.answer, asked.name, data.rdclass, data.rdtype, create=True)
            answers.add(data, ttl)
        return made

    def _look_up(self, zone: FakeZone, name: str, kind: str) -> list[Record]:
        there = [record for record in [*zone.records.values()] if record["name"] == name]
        if kind == "SOA" and name == zone.name:
            text = "ada.ns.cloudflare.com. dns.cloudflare.com. 1 10000 2400 604800 1800"
            return [{"type": "SOA", "content": text, "ttl": 1800}]
        target = next((record for record in there if record["type"] == "CNAME"), None)
        inside = target is not None and target["content"].endswith(f".{zone.name}")
        if target is None or not inside or not self.flattens():
            return [record for record in there if record["type"] in (kind, "CNAME")]
        if kind == "CNAME":
            return []
        found = self._look_up(zone, target["content"], kind)
        return [{**record, "ttl": min(record["ttl"], target["ttl"])} for record in found]


class _Handler(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        while head := self._receive(_LENGTH.size):
            wire = self._receive(_LENGTH.unpack(head)[0])
            answer = self.server.answer(dns.message.from_wire(wire)).to_wire()
            self.request.sendall(_LENGTH.pack(len(answer)) + answer)

    def _receive(self, size: int) -> bytes:
        """So many bytes; fewer when the other side has closed."""
        found = b""
        while len(found) < size and (part := self.request.recv(size - len(found))):
            found += part
        return found
