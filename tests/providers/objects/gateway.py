"""A versitygw on loopback: S3 with checked signatures on a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from drp.model.inventory import Residency, SecretRef, Store
from drp.model.values import Secret
from tests.providers.servers import ROOT, free_port, missing, running

ACCESS, SECRET = "test-access", "test-secret"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway; each ``make_bucket`` gives an empty bucket."""

    url: str
    folder: Path
    numbers: Iterator[int]

    def make_bucket(self) -> Store:
        name = f"bucket-{next(self.numbers)}"
        (self.folder / name).mkdir()
        return make_store(self.url, name)


def make_store(url: str, bucket: str) -> Store:
    return Store(
        name="backups",
        url=url,
        region="eu-test-1",
        bucket=bucket,
        place="third",
        residency=Residency(country="FR"),
        key=SecretRef(kind="sealed", name="backups"),
    )


def make_key(*, secret: str = SECRET) -> Secret:
    return Secret(json.dumps({"access": ACCESS, "secret": secret}).encode())


def find_binary() -> Path:
    """The built gateway: ``DRP_VERSITYGW``, or what ``make setup`` left in the cache."""
    if given := os.environ.get("DRP_VERSITYGW"):
        return Path(given)
    found = sorted(
        path for path in ROOT.glob(".cache/**/versitygw*") if os.access(path, os.X_OK) and path.is_file()
    )
    return found[-1] if found else missing("versitygw")


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    data, port = folder / "data", free_port()
    data.mkdir()
    argv: list[str | Path] = [find_binary(), "--access", ACCESS, "--secret", SECRET, "--region", "eu-test-1"]
    with running([*argv, "--port", f"127.0.0.1:{port}", "posix", data], port=port, log=folder / "log"):
        yield Gateway(url=f"http://127.0.0.1:{port}", folder=data, numbers=count(1))
