"""Secrets of the laboratory as canaries: every form in which one could stand somewhere, and the search.

The search is one pass of ``grep`` with all forms at once, so that whole disks can be read.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

from drp.config.derive import derive_password
from drp.config.sealed import Identity, open_sealed
from drp.dataplane.keys import open_data_key
from drp.model.names import Instance
from drp.model.values import Secret
from tests.lab.company import Company
from tests.lab.world import build_client, dump_bucket

SHORTEST = 10
"""Bytes: what is shorter could stand somewhere by chance."""

_LONGEST = 48
_PEM = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s(.+?)-----END", re.DOTALL)
_ACCOUNTS = ("drp", "api", "redis", "mongodb-keyfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A secret's name and its bytes."""

    name: str
    value: bytes

    def forms(self) -> dict[str, bytes]:
        """Name of a form -> what it looks like."""
        found = {
            "raw": self.value,
            "hex": self.value.hex().encode(),
            "HEX": self.value.hex().upper().encode(),
        }
        found["url"] = quote_from_bytes(self.value, safe="").encode()
        # bytes that are no text are told by JSON as code points, by Python as \\x
        found["json"] = json.dumps(self.value.decode("latin-1"))[1:-1].encode()
        found["python"] = repr(self.value)[2:-1].encode()
        for shift in range(3):
            text = _encode_within(self.value, shift)
            found[f"base64 {shift}"], found[f"base64url {shift}"] = text, text.translate(_URL_LETTERS)
            found[f"url of base64 {shift}"] = quote_from_bytes(text, safe="").encode()
            found[f"json of base64 {shift}"] = text.replace(b"/", b"\\/")
        return found


_URL_LETTERS = bytes.maketrans(b"+/", b"-_")


def _encode_within(value: bytes, shift: int) -> bytes:
    """Base64 of the value where it begins ``shift`` bytes after a group of three, neighbours left out."""
    text = base64.b64encode(bytes(shift) + value)
    first, last = (0, 2, 3)[shift], (shift + len(value)) * 8 // 6
    return text[first:last]


# ---- which there are


def find_canaries(company: Company) -> list[Canary]:
    """All secrets of the company: those in the sealed file, and those made from them until now."""
    sealed = (company.written.folder / "secrets.sealed").read_bytes()
    identity = company.written.key_file.read_bytes().strip()
    content = open_sealed(sealed, Identity(Secret(identity)), shown="secrets.sealed")
    entries = {name: entry.value.reveal() for name, entry in content.entries.items()}
    found = [Canary(name=name, value=part) for name, value in entries.items() for part in _take_apart(value)]
    found += [Canary(name="operator's key", value=identity)]
    found += _find_passwords(company, entries)
    found += _find_data_keys(company, entries)
    return found


def _take_apart(value: bytes) -> Iterator[bytes]:
    """What is secret in a value: the inner line of a PEM key, the fields of JSON, or all of it."""
    pem = _PEM.search(value.replace(b"\\n", b"\n"))
    if pem is not None:
        # the second line of PEM, so that its base64 is also found where the key stands as PEM
        yield binascii.a2b_base64(pem[1])[_LONGEST : 2 * _LONGEST]
        return
    try:
        fields = json.loads(value)
    except ValueError:
        # random bytes, whatever they begin with
        yield value[:_LONGEST]
    else:
        yield from _take_secret(str(fields["secret"]))


def _take_secret(text: str) -> Iterator[bytes]:
    yield text.encode()
    try:
        yield base64.b64decode(text, validate=True)
    except binascii.Error:
        pass  # it is a text and nothing more


def _find_passwords(company: Company, entries: Mapping[str, bytes]) -> Iterator[Canary]:
    """Of every instance that there was, and of the one that comes next."""
    keys = dump_bucket(company.lab, "witness")
    for tenant in company.lab.names.tenants:
        numbers = [int(key.split("/")[2]) for key in keys if key.startswith(f"epochs/{tenant}/")]
        for number in range(1, max(numbers, default=0) + 2):
            instance = str(Instance.of_epoch(tenant, number))
            for account in _ACCOUNTS:
                root = Secret(entries[f"{tenant}.root"])
                password = derive_password(root, instance=instance, account=account)
                yield Canary(name=f"{instance} {account}", value=password.reveal())


def _find_data_keys(company: Company, entries: Mapping[str, bytes]) -> Iterator[Canary]:
    """Of every backup whose key block is in the store."""
    with company.lab.ops1.net():
        client = build_client(company.lab, "keys")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="keys")
        for key in [item["Key"] for page in pages for item in page.get("Contents", [])]:
            block = client.get_object(Bucket="keys", Key=key)["Body"].read()
            fields = json.loads(block)
            private = Secret(entries[f"{fields['tenant']}.backup"])
            opened = open_data_key(private, block, tenant=fields["tenant"], attempt=fields["attempt"])
            yield Canary(name=f"data key of {key}", value=opened.reveal())


# ---- the search


class Search:
    """Looks for all canaries in all forms."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self.needles: dict[bytes, str] = {}
        for canary in canaries:
            for form, text in canary.forms().items():
                needle = max(re.split(rb"\n", text), key=len)
                if len(needle) >= SHORTEST:
                    self.needles.setdefault(needle, f"{canary.name} ({form})")

    def look(self, places: Sequence[Path], *options: str) -> list[str]:
        """``FILE: canary (form)`` of every hit in files and folders; ``options`` are those of grep."""
        with tempfile.NamedTemporaryFile() as patterns:
            patterns.write(b"\n".join(self.needles) + b"\n")
            patterns.flush()
            found = self._grep(Path(patterns.name), places, options)
        return sorted(f"{path}: {name}" for path in found for name in self._name(path))

    @staticmethod
    def _grep(patterns: Path, places: Sequence[Path], options: Sequence[str]) -> list[Path]:
        words = ["grep", "-rlaF", "--no-messages", "--devices=skip", *options, "-f", str(patterns), "--"]
        words += map(str, places)
        done = subprocess.run(words, capture_output=True, env={**os.environ, "LC_ALL": "C"}, check=False)
        return [Path(os.fsdecode(line)) for line in done.stdout.splitlines()]

    def _name(self, path: Path) -> list[str]:
        data = path.read_bytes()
        return [name for needle, name in self.needles.items() if needle in data]
