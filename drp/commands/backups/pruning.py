"""``drp backups prune``: remove what is older than it need be, and never what may still be restored from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drp.actions.action import ReadPorts, WritePorts
from drp.commands.backups.listing import AT_ONCE
from drp.commands.backups.shelf import Backup, Shelf
from drp.commands.endings import CANCELLED, DONE
from drp.commands.journals import read_records
from drp.commands.results import Listing
from drp.commands.runs import StateFolder
from drp.engine.fold import fold
from drp.model.inventory import Tenant
from drp.model.values import JsonMap, render_duration
from drp.witness.runs import RunReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What goes, the oldest first; and what stays though it is old enough: backup id -> why."""

    tenant: Tenant
    goes: tuple[Backup, ...]
    stays: dict[str, str]


def find_used(ports: ReadPorts, state: Path) -> frozenset[str]:
    """Ids of backups that open runs work with. Raises JournalError when a run's plan cannot be read."""
    witness = ports.store(ports.inventory.witness)
    folder = StateFolder(state)
    used: set[str] = set()
    for entry in RunReader(witness).iter_open():
        records = read_records(folder.journal(entry.begin.run), witness, entry.begin.run)
        steps = fold(records).plan.steps if records else ()
        used |= {str(step.params["backup"]) for step in steps if "backup" in step.params}
    return frozenset(used)


def plan_all(
    ports: ReadPorts, state: Path, tenants: Sequence[str], keep: Callable[[Tenant], timedelta]
) -> list[Pruning]:
    """What would go. Raises JournalError, and the stores' errors: what is not known is not removed."""
    used = find_used(ports, state)
    known = [ports.inventory.tenants[name] for name in tenants]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [*pool.map(lambda tenant: _plan(ports, tenant, keep(tenant), used), known)]


def _plan(ports: ReadPorts, tenant: Tenant, keep: timedelta, used: frozenset[str]) -> Pruning:
    shelf, now = Shelf(ports, tenant), ports.clock.now()
    trusted = shelf.trusted()
    old = [
        backup
        for backup in [*shelf.backups(), *shelf.remains()]
        if (age := backup.age(now)) is not None and age > keep
    ]
    stays = {trusted: "the newest that can be restored from"} if trusted else {}
    stays |= dict.fromkeys(used, "an open run uses it")
    return Pruning(
        tenant=tenant,
        goes=tuple(sorted((b for b in old if b.id not in stays), key=lambda b: b.id)),
        stays={b.id: stays[b.id] for b in old if b.id in stays},
    )


def remove(ports: WritePorts, pruning: Pruning) -> int:
    """Remove it, each manifest before what it names, so that no half of one is restored. How many objects."""
    removed = 0
    for backup in pruning.goes:
        for store, key in Shelf(ports, pruning.tenant).keys(backup.id):
            ports.store(store).delete(key)
            removed += 1
    return removed


def prune_all(
    ports: WritePorts,
    state: Path,
    tenants: Sequence[str],
    *,
    keep: timedelta,
    confirm: Callable[[str], bool],
    dry_run: bool,
) -> Listing:
    """Ask, look once more, remove. A dry run only says what would go."""
    found = plan_all(ports, state, tenants, lambda _: keep)
    if dry_run or not any(each.goes for each in found):
        return _listing(ports, found, words="would go")
    number, owners = sum(len(each.goes) for each in found), sum(bool(each.goes) for each in found)
    if not confirm(
        f"Remove {number} backups of {owners} tenants older than {render_duration(keep)} for good?"
    ):
        return _listing(ports, found, words="would go", declined=True)
    # a run may have begun while somebody thought about it
    found = plan_all(ports, state, tenants, lambda _: keep)
    for each in found:
        remove(ports, each)
    return _listing(ports, found, words="removed")


def _listing(ports: ReadPorts, found: Sequence[Pruning], *, words: str, declined: bool = False) -> Listing:
    now = ports.clock.now()
    goes = [backup for each in found for backup in each.goes]
    stays = [(each.tenant.name, *why) for each in found for why in each.stays.items()]
    lines = [f"- {b.tenant:<8} {b.id}  {words}{f' ({b.damage})' if b.damage else ''}" for b in goes]
    lines += [f"✓ {tenant:<8} {backup}  stays: {reason}" for tenant, backup, reason in stays]
    kept: list[JsonMap] = [{"tenant": t, "id": backup, "reason": reason} for t, backup, reason in stays]
    return Listing(
        lines=tuple(lines),
        data={
            "removed" if words == "removed" else "would_remove": [b.to_json(now) for b in goes],
            "stays": [*kept],
        },
        summary=f"{len(goes)} {words}, {len(stays)} old ones stay",
        ending=CANCELLED if declined else DONE,
    )
