"""``drp backups list``: which backups there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from drp.actions.action import ReadPorts
from drp.commands.backups.shelf import Backup, Shelf
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.model.values import render_duration, render_size

AT_ONCE: Final = 8


def list_all(ports: ReadPorts, tenants: Sequence[str]) -> Listing:
    """Of these tenants. A backup that cannot be read, or a tenant without any, is a finding."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shelves = [Shelf(ports, ports.inventory.tenants[name]) for name in tenants]
        found = dict(zip(tenants, pool.map(Shelf.backups, shelves), strict=True))
    now = ports.clock.now()
    everything = [backup for backups in found.values() for backup in backups]
    damaged = [backup for backup in everything if backup.manifest is None]
    bare = [name for name, backups in found.items() if not backups]
    lines = [line for name, backups in found.items() for line in _lines(name, backups, now)]
    return Listing(
        lines=tuple(lines),
        data={"backups": [backup.to_json(now) for backup in everything], "without": [*bare]},
        summary=f"{len(everything) - len(damaged)} readable · {len(damaged)} damaged · "
        f"tenants without any: {len(bare)}",
        ending=FINDINGS if damaged or bare else DONE,
    )


def _lines(tenant: str, backups: Sequence[Backup], now: datetime) -> Iterator[str]:
    if not backups:
        yield f"✗ {tenant:<8} has no backup   drp backup {tenant}"
    for backup in backups:
        age = backup.age(now)
        how_old = "unknown age" if age is None else f"{render_duration(age)} old"
        if backup.manifest is None:
            yield f"✗ {tenant:<8} {backup.id}  {how_old}  damaged: {backup.damage}"
        else:
            yield (
                f"✓ {tenant:<8} {backup.id}  {how_old}  {backup.documents} documents  "
                f"{render_size(backup.size)}  {backup.manifest.site}"
            )
