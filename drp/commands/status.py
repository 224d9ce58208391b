"""Who serves what and which runs are open. Everything here only reads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from drp.actions.action import ReadPorts
from drp.commands.approval import is_approved, is_postponed
from drp.commands.assignment import WAITS
from drp.commands.backups.newest import find_backup
from drp.commands.bundle.age import iter_bundles
from drp.commands.journals import read_records
from drp.commands.results import RunFact, StatusReport
from drp.commands.runs import StateFolder
from drp.commands.serving import find_all_served, judge_edges, look_at_edges
from drp.engine.fold import fold
from drp.errors import RefusedError
from drp.ports.objects import ObjectReader
from drp.witness.leases import TERM, IsAlive, LeaseReader
from drp.witness.runs import RunBegin, RunEntry, RunReader, lease_name

_AT_ONCE = 8
_PARTS = 3
_LOOKS = 10
"""How long a run of another machine is watched, as a part of a term, and how often it is looked at then."""


class Observer:
    """Looks at the whole company with the reading half of its ports."""

    def __init__(self, ports: ReadPorts, state: Path, *, is_alive: IsAlive) -> None:
        self._ports = ports
        self._folder = StateFolder(state)
        self._is_alive = is_alive

    def status(self, subject: str) -> StatusReport:
        """Of everything, of a tenant, or (with its steps) of a run given by id or tail.

        Raises RefusedError when ``subject`` is neither, and the witness's errors.
        """
        inventory = self._ports.inventory
        if subject and subject not in inventory.tenants:
            return self._of_run(subject)
        tenants = [subject] if subject else [*inventory.tenants]
        runs = [self._fact(entry) for entry in RunReader(self._witness()).iter_open(subject)]
        if subject:
            runs = [self._watch(run) for run in runs]
        return self._report(tenants, runs)

    def _witness(self) -> ObjectReader:
        return self._ports.store(self._ports.inventory.witness)

    def _of_run(self, subject: str) -> StatusReport:
        entry = RunReader(self._witness()).find(subject)
        if entry is None:
            raise RefusedError(
                f"cannot show '{subject}': it is neither a tenant nor a run",
                hint="See what there is with `drp status`.",
            )
        fact = self._watch(self._fact(entry))
        records = read_records(self._folder.journal(fact.run), self._witness(), fact.run)
        if records:
            steps = {name: step.status for name, step in fold(records).steps.items()}
            fact = replace(fact, steps=steps)
        known = [fact.tenant] if fact.tenant in self._ports.inventory.tenants else []
        return self._report(known, [fact])

    def _report(self, tenants: Sequence[str], runs: Sequence[RunFact]) -> StatusReport:
        inventory = self._ports.inventory
        edges = look_at_edges(self._ports)
        found = find_all_served(self._ports, [inventory.tenants[name] for name in tenants], edges)
        owned = [inventory.tenants[name] for name in tenants if found[name].epoch]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            backups = tuple(pool.map(partial(find_backup, self._ports), owned))
        return StatusReport(
            at=self._ports.clock.now(),
            sites=tuple(inventory.sites),
            served=tuple(found[name] for name in tenants),
            runs=tuple(runs),
            edges=tuple(judge_edges(self._ports, edges)),
            backups=backups,
            bundles=tuple(iter_bundles(self._ports)),
        )

    def _fact(self, entry: RunEntry) -> RunFact:
        begin = entry.begin
        return RunFact(
            run=begin.run,
            verb=begin.verb,
            tenant=begin.scope,
            owner=begin.owner,
            began=begin.began,
            status=entry.end.status if entry.end else self._activity(begin),
            source=str(begin.details.get("from", "")),
            target=str(begin.details.get("to", "")),
        )

    def _activity(self, begin: RunBegin) -> str:
        """What the lease tells of an open run; of one that nobody works on, if it waits to be approved."""
        found = LeaseReader(self._witness()).find(begin.lease)
        if found is None or found.is_ended or found.lease.holder.run != begin.run:
            return self._rest(begin) if begin.details.get(WAITS) else "silent"
        return {True: "running", False: "silent", None: "leased"}[self._is_alive(found.lease.holder)]

    def _rest(self, begin: RunBegin) -> str:
        records = read_records(self._folder.journal(begin.run), self._witness(), begin.run)
        if not is_postponed(records):
            return "silent"
        return "approved" if is_approved(records) else "waiting"

    def _watch(self, fact: RunFact) -> RunFact:
        """Whether a run of another machine goes on: a beat of it may be seen within a third of its term."""
        if fact.status != "leased":
            return fact
        reader = LeaseReader(self._witness())
        name = lease_name(fact.tenant, fact.run)
        first = reader.find(name)
        for _ in range(_LOOKS):
            self._ports.clock.wait(TERM / _PARTS / _LOOKS)
            now = reader.find(name)
            if now is None or first is None or now.lease.number != first.lease.number:
                return fact
            if now.beat > first.beat:
                return replace(fact, status="running")
        return fact
