"""A valid configuration in a folder, to be changed by a test."""

from __future__ import annotations

import base64
from pathlib import Path

from drp.config.load import load_inventory
from drp.errors import ConfigError
from drp.testing.certificates import Authority

IMAGE = "sha256:" + "0" * 63


def build_host(engine: str, edge: str, memory: str, *, subnets: str) -> str:
    return f"{{engine: {engine}, edge: {edge}, memory: {memory}, disk: 1TB, cpus: 4, subnets: {subnets}}}"


MAIN = f"""\
version: 1
timezone: Europe/Paris
sites:
  dc3:
    country: FR
    hosts:
      h1: {build_host("tcp://10.3.0.1:2376", "192.0.2.10", "8GiB", subnets="10.64.0.0/20")}
      h2: {build_host("tcp://10.3.0.2:2376", "192.0.2.11", "16GiB", subnets="10.64.16.0/20")}
  dc5:
    country: FR
    hosts:
      h3: {build_host("tcp://10.5.0.3:2376", "192.0.2.90", "8GiB", subnets="10.64.32.0/20")}
stores:
  backups: {{kind: s3, url: "https://s3.example.net", bucket: backups, place: rennes}}
  keys: {{kind: s3, url: "https://s3.example.net", bucket: keys, place: rennes}}
  witness: {{kind: s3, url: "https://s3.example.net", bucket: witness, place: rennes}}
witness: witness
dns:
  main: {{kind: rfc2136, servers: [192.0.2.53], zone: example.com}}
images: {{helper: {IMAGE}1, edge: {IMAGE}2}}
defaults:
  images: {{api: {IMAGE}3, mongodb: {IMAGE}4, redis: {IMAGE}5}}
"""

ACME = """\
tenants:
  acme:
    home: dc3
    domains: [acme.example.com]
    memory: 4GiB
    disk: 20GiB
"""

CA = Authority().pem
OTHER_CA = Authority("other").pem
PUBLIC = base64.b64encode(b"p" * 32).decode()


class Folder:
    """Files of a configuration below ``path``; ``shown`` is how they are named in messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("drp.yml", MAIN)
        self.write("tenants/acme.yml", ACME)
        self.write("edge-ca.pem", CA)
        for name in ("dc3.signer", "dc5.signer", "acme.backup", "globex.backup"):
            self.write(f"keys/{name}.pub", f"{PUBLIC}\n")

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change one place of a file. The old text must be there exactly once."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def problems(self) -> list[str]:
        """``file:line:column message``, the files named from the folder; [] when all is well."""
        try:
            load_inventory(self.path)
        except ConfigError as error:
            prefix = f"{self.path.as_posix()}/"
            lines = [f"{each.place} {each.message}" for each in error.problems]
            return [line.replace(prefix, "") for line in lines]
        return []

    def hints(self) -> list[str]:
        """The hints of all problems, in their order."""
        try:
            load_inventory(self.path)
        except ConfigError as error:
            return [each.hint.replace(f"{self.path.as_posix()}/", "") for each in error.problems]
        return []
