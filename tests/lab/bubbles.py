"""Drills as they are seen without drp: bubbles on the hosts, what should not change, what makes them fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from drp.config.sealed import Identity, open_sealed, seal
from drp.dataplane.keys import new_backup_keypair
from drp.model.values import Secret
from tests.lab.company import Company
from tests.lab.configuration import Written
from tests.lab.lab import Lab
from tests.lab.world import dump_world


def find_bubbles(lab: Lab, *, site: str = "") -> set[tuple[str, str]]:
    """Host and instance of each bubble there is (at one site only: the others may have no power)."""
    found = set()
    for name, machine in lab.hosts.items():
        if site not in ("", machine.site):
            continue
        with contextlib.closing(machine.open_client()) as engine:
            # not looked at one by one: they may be gone by then
            labels = [each["Labels"].get("drp.instance", "") for each in engine.api.containers(all=True)]
        found |= {(name, label) for label in labels if "-drill-" in label}
    return found


def picture(company: Company) -> dict[str, Any]:
    """All but the content of databases, which clients change."""
    found = dump_world(company.lab)
    del found["content"]
    return found


def find_pack(company: Company, tenant: str) -> Path:
    """A pack of the tenant's newest backup, on the disk of the store."""
    packs = (company.lab.store.disk / "data" / "backups" / "drp1" / tenant).rglob("*.pack")
    newest = max(
        packs, key=lambda path: next(part for part in path.parts if part.endswith("Z") or "Z-" in part)
    )
    assert newest.stat().st_size
    return newest


@contextlib.contextmanager
def flipped(path: Path) -> Iterator[None]:
    """One bit of the file is another one meanwhile."""

    def flip() -> None:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 4]))

    flip()
    try:
        yield
    finally:
        flip()


@contextlib.contextmanager
def other_key(written: Written, tenant: str) -> Iterator[None]:
    """The sealed secrets hold another key for the tenant's backups meanwhile than they were sealed for."""
    file = written.folder / "secrets.sealed"
    sealed = file.read_bytes()
    content = open_sealed(sealed, Identity(Secret(written.key_file.read_bytes())), shown=file.name)
    name = f"{tenant}.backup"
    entry = replace(content.entries[name], value=new_backup_keypair().private)
    file.write_bytes(seal(replace(content, entries={**content.entries, name: entry})))
    try:
        yield
    finally:
        file.write_bytes(sealed)
