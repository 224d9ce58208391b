"""DNS of the laboratory: a primary and a caching resolver in the third zone, a secondary at a site."""

from __future__ import annotations

import base64
import secrets
import shutil
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.exception
import dns.message
import dns.query
import dns.rcode

from tests.lab import plan
from tests.lab.machine import LabError, Machine
from tests.lab.programs import find_program

ALGORITHM = "hmac-sha256"
_START_SECONDS = 20
# what drp changes; SOA and NS are not its business
_GRANTED = "A AAAA CNAME TXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tsig:
    """A shared key; ``secret`` is base64."""

    name: str
    secret: str
    algorithm: str = ALGORITHM


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """Where the servers answer (port 53) and the keys: ``tsig`` may update, ``transfer`` may read all."""

    zone: str
    primary: IPv4Address
    secondary: IPv4Address
    resolver: IPv4Address
    tsig: Tsig
    transfer: Tsig


def build_dns(zone: str) -> Dns:
    """A new set of keys for the zone."""
    return Dns(
        zone=zone,
        primary=plan.PRIMARY,
        secondary=plan.SECONDARY,
        resolver=plan.RESOLVER,
        tsig=_build_key("drp"),
        transfer=_build_key("transfer"),
    )


def _build_key(name: str) -> Tsig:
    return Tsig(name=name, secret=base64.b64encode(secrets.token_bytes(32)).decode())


class NameServer(Machine):
    """A machine that runs BIND; ``boot`` returns when it answers for the zone."""

    role = ""

    def equip(self, dns: Dns, address: IPv4Address) -> None:
        """Write its configuration."""
        self._dns, self._address = dns, address
        self.disk.mkdir(parents=True, exist_ok=True)
        folder = self.disk / "named"
        folder.mkdir(exist_ok=True)
        # a copy, because a policy of the machine (AppArmor) may tie the installed one to its usual folders
        shutil.copy2(find_program("named"), folder / "named")
        (folder / "named.conf").write_text(self._render())

    def _render(self) -> str:
        """The whole of named.conf."""
        raise NotImplementedError

    def boot(self) -> None:
        super().boot()
        words = ["/run/disk/named/named", "-f", "-n", "1", "-c", "/run/disk/named/named.conf"]
        process = self.popen(*words, log=self.disk / "named.log")
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self._is_answering():
                return
            time.sleep(0.02)
        raise LabError(f"cannot start '{self.name}': {(self.disk / 'named.log').read_text()[-2000:].strip()}")

    def _is_answering(self) -> bool:
        question = dns.message.make_query(self._dns.zone, "SOA")
        with self.net():
            try:
                reply = dns.query.udp(question, str(self._address), timeout=0.5)
            except (OSError, dns.exception.DNSException):
                return False
        return reply.rcode() == dns.rcode.NOERROR and bool(reply.answer)


class Primary(NameServer):
    """Takes updates signed with drp's key, tells its secondary at once."""

    def equip(self, dns: Dns, address: IPv4Address) -> None:
        super().equip(dns, address)
        zone = self.disk / "named" / "zone.db"
        zone.write_text(
            "$TTL 60\n"
            "@ IN SOA ns1 hostmaster 1 30 5 604800 5\n"
            "@ IN NS ns1\n"
            "@ IN NS ns2\n"
            f"ns1 IN A {dns.primary}\n"
            f"ns2 IN A {dns.secondary}\n",
        )

    def _render(self) -> str:
        dns = self._dns
        grant = f"grant {dns.tsig.name} zonesub {_GRANTED};"
        return (
            f"{_render_key(dns.tsig)}{_render_key(dns.transfer)}"
            f"{_render_options('recursion no; notify-delay 0; notify-rate 200; startup-notify-rate 200;')}"
            f'zone "{dns.zone}" {{ type primary; file "zone.db"; update-policy {{ {grant} }}; '
            f'allow-transfer {{ key "{dns.transfer.name}"; }}; also-notify {{ {dns.secondary}; }}; }};\n'
        )


class Secondary(NameServer):
    """Follows the primary."""

    def _render(self) -> str:
        dns = self._dns
        return (
            f"{_render_key(dns.transfer)}"
            f"{_render_options('recursion no; serial-query-rate 200; request-ixfr yes;')}"
            f'zone "{dns.zone}" {{ type secondary; file "zone.db"; '
            f'primaries {{ {dns.primary} key "{dns.transfer.name}"; }}; '
            f'allow-notify {{ {dns.primary}; }}; allow-transfer {{ key "{dns.transfer.name}"; }}; }};\n'
        )


class Resolver(NameServer):
    """Asks both servers and caches for the time to live. Knows no other zone."""

    def _render(self) -> str:
        dns = self._dns
        return (
            f"{_render_options('recursion yes; allow-recursion { any; }; prefetch 0; servfail-ttl 0;')}"
            f'zone "{dns.zone}" {{ type static-stub; '
            f"server-addresses {{ {dns.primary}; {dns.secondary}; }}; }};\n"
            # without this a name outside the zone would be asked of servers that no packet can reach
            'zone "." { type primary; file "empty.db"; };\n'
        )

    def equip(self, dns: Dns, address: IPv4Address) -> None:
        super().equip(dns, address)
        (self.disk / "named" / "empty.db").write_text(
            "$TTL 60\n"
            "@ IN SOA localhost. hostmaster 1 30 5 604800 5\n"
            "@ IN NS localhost.\n"
            "localhost. IN A 127.0.0.1\n",
        )


def _render_key(key: Tsig) -> str:
    return f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n'


def _render_options(more: str) -> str:
    return (
        'options { directory "/run/disk/named"; pid-file "/run/named.pid"; '
        'session-keyfile "/run/session.key"; '
        "listen-on { any; }; listen-on-v6 { none; }; allow-query { any; }; dnssec-validation no; "
        f"max-journal-size 10m; minimal-responses no; {more} }};\ncontrols {{ }};\n"
    )
