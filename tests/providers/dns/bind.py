"""Two name servers on loopback, a primary with TSIG updates and its secondary."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from drp.model.inventory import DnsZone, Residency, SecretRef
from drp.model.values import Secret
from tests.providers.servers import free_port, missing, running

ZONE = "example.test"
KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()

_OPTIONS = """
key "{key_name}" {{ algorithm hmac-sha256; secret "{key}"; }};
key "stranger" {{ algorithm hmac-sha256; secret "{key}"; }};
options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify-delay 0; notify yes;
}};
controls {{ }};
"""
_PRIMARY = """
zone "{zone}" {{
  type primary; file "zone"; update-policy {{ grant {key_name} zonesub ANY; }};
  allow-transfer {{ key {key_name}; }}; also-notify {{ 127.0.0.1 port {other} key {key_name}; }};
}};
"""
_SECONDARY = """
zone "{zone}" {{
  type secondary; file "copy"; primaries {{ 127.0.0.1 port {other} key {key_name}; }};
  allow-notify {{ 127.0.0.1; }};
}};
"""
_RECORDS = """$TTL 60
@ IN SOA ns1 root 1 5 2 600 1
@ IN NS ns1
@ IN NS ns2
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.1
sub IN NS ns.sub
ns.sub IN A 192.0.2.1
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """Ports of the two servers on 127.0.0.1."""

    primary: int
    secondary: int

    def zone(self) -> DnsZone:
        return make_zone(f"127.0.0.1#{self.primary}", f"127.0.0.1:{self.secondary}")


def make_zone(*servers: str) -> DnsZone:
    return DnsZone(
        name="main",
        kind="rfc2136",
        zone=ZONE,
        servers=servers,
        key=SecretRef(kind="sealed", name="dns"),
        ttl=60,
        move_ttl=20,
        residency=Residency(country="FR"),
    )


def make_key(*, name: str = "drp", secret: str = KEY, algorithm: str = "hmac-sha256") -> Secret:
    return Secret(json.dumps({"name": name, "algorithm": algorithm, "secret": secret}).encode())


@contextmanager
def name_servers(folder: Path) -> Iterator[Servers]:
    servers = Servers(primary=free_port(), secondary=free_port())
    with ExitStack() as stack:
        stack.enter_context(_named(folder / "primary", servers.primary, servers.secondary))
        stack.enter_context(_named(folder / "secondary", servers.secondary, servers.primary))
        yield servers


@contextmanager
def _named(folder: Path, port: int, other: int) -> Iterator[None]:
    program = shutil.which("named", path="/usr/sbin:/usr/bin:/usr/local/sbin") or missing("named")
    folder.mkdir()
    kind = _PRIMARY if folder.name == "primary" else _SECONDARY
    values = {"folder": folder, "port": port, "other": other, "zone": ZONE, "key": KEY, "key_name": "drp"}
    (folder / "named.conf").write_text((_OPTIONS + kind).format(**values))
    (folder / "zone").write_text(_RECORDS)
    argv: list[str | Path] = [program, "-f", "-n", "1", "-c", folder / "named.conf"]
    with running(argv, port=port, log=folder / "log"):
        yield
