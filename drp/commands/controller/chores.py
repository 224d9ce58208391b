"""What the controller does by itself. Each chore looks first, and orders a run only when one is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from drp.actions.busy import find_work
from drp.actions.instances import serving_instance
from drp.actions.orders import Order, epochs
from drp.commands.backups.newest import find_backup
from drp.commands.backups.pruning import plan_all, remove
from drp.commands.controller.figures import collect_figures
from drp.commands.controller.standing import Standing
from drp.commands.desk import Desk, Workshop
from drp.commands.fleet.launch import launch
from drp.commands.fleet.orders import NO_CONSENT
from drp.commands.fleet.results import FleetReport, TenantOutcome
from drp.commands.fleet.starting import start_host
from drp.commands.review import look, propose
from drp.commands.serving import find_all_served
from drp.engine.tasks import Failed, Present
from drp.errors import DrpError, StepError
from drp.model.inventory import Host
from drp.model.names import EDGE, GUARD
from drp.model.values import render_list
from drp.witness.epochs import Serving
from drp.witness.runs import RunReader

_AGAIN: Final = timedelta(minutes=5)
"""How long something that failed is left alone."""


class Chores:
    """``stop_asked`` is set when a run of a chore was told to stop: then the controller stops too."""

    def __init__(self, desk: Desk, workshop: Workshop, standing: Standing) -> None:
        self._desk = desk
        self._workshop = workshop
        self._standing = standing
        self._not_before: dict[str, datetime] = {}
        self.stop_asked = False

    def watch(self) -> str:
        """Who serves, for those who ask."""
        tenants = [*self._workshop.inventory.tenants.values()]
        found = find_all_served(self._workshop.ports, tenants)
        with self._standing.lock:
            self._standing.served = found
        return ""

    def measure(self) -> str:
        """What only monitoring asks for."""
        found = collect_figures(self._desk, self._workshop)
        with self._standing.lock:
            self._standing.figures = found
        return ""

    def start_hosts(self) -> str:
        """A host that answers and whose containers have all ended was without power: let it serve again."""
        started = []
        for host in self._workshop.inventory.hosts():
            if self._may_try(f"start {host.name}") and self._has_fallen(host):
                self._put_off(f"start {host.name}")
                self._run(start_host(self._workshop.ports, host))
                started.append(host.name)
        return f"started {render_list(started)}" if started else ""

    def _has_fallen(self, host: Host) -> bool:
        reader = self._workshop.ports.host(host.name)
        try:
            names = [EDGE, GUARD, *self._containers(host)]
            found = [reader.find_container(name) for name in names]
        except DrpError:
            # one that does not answer cannot be started
            return False
        return any(each is not None and each.status == "exited" for each in found)

    def _containers(self, host: Host) -> list[str]:
        """Of all that is served there and that no open run works on."""
        return [
            serving_instance(serving).container(role)
            for tenant, serving in self._find_free().items()
            if serving.host == host.name
            for role in self._workshop.inventory.tenants[tenant].services
        ]

    def back_up(self) -> str:
        """One run for all whose backup is due."""
        now = self._desk.clock.now()
        due = [
            tenant
            for tenant in self._find_free()
            if self._may_try(f"backup {tenant}") and self._is_due(tenant, now)
        ]
        if not due:
            return ""
        for tenant in due:
            self._put_off(f"backup {tenant}")
        self._run(Order(verb="backup", run="", tenant="", site="", tenants=tuple(due)))
        for tenant in due:
            self._look_at_backup(tenant)
        return f"backed up {render_list(due)}"

    def _is_due(self, name: str, now: datetime) -> bool:
        """The store is asked only when what was seen there last is old enough."""
        every = self._workshop.inventory.tenants[name].backup_policy.every
        known = self._standing.began.get(name)
        if known is not None and now - known < every:
            return False
        began = self._look_at_backup(name)
        return began is None or now - began >= every

    def _look_at_backup(self, name: str) -> datetime | None:
        """When the newest one was begun. Raises StepError when nobody can look."""
        fact = find_backup(self._workshop.ports, self._workshop.inventory.tenants[name])
        if fact.reason:
            raise StepError(fact.reason)
        with self._standing.lock:
            self._standing.backups[name] = fact
            self._standing.began.pop(name, None)
            if fact.age_s is not None:
                age = timedelta(seconds=fact.age_s)
                self._standing.began[name] = self._desk.clock.now() - age
            return self._standing.began.get(name)

    def refresh_reserve(self) -> str:
        """Images and certificates that a host lacks which may have to take a tenant."""
        lacking = self._find_lacking()
        if not lacking:
            return ""
        self._run(Order(verb="reserve", run="", tenant="", site="", tenants=lacking))
        return f"refreshed what {render_list(lacking)} need"

    def _find_lacking(self) -> tuple[str, ...]:
        """A host that does not answer lacks nothing that could be brought to it now."""
        tenants = tuple(self._find_serving())
        if not tenants:
            return ()
        order = Order(verb="reserve", run="looking", tenant="", site="", tenants=tenants)
        plan = propose(self._workshop, order).plan
        perform = self._workshop.performer(plan.run, 0)
        lacking = {
            step.scope for step in plan.steps if not isinstance(look(perform, step, {}), Present | Failed)
        }
        return tuple(name for name in tenants if name in lacking)

    def prune(self) -> str:
        """What is older than each tenant's policy keeps."""
        ports, tenants = self._workshop.ports, [*self._workshop.inventory.tenants]
        found = plan_all(ports, self._desk.state, tenants, lambda tenant: tenant.backup_policy.keep)
        for each in found:
            remove(ports, each)
        number = sum(len(each.goes) for each in found)
        return f"removed {number} backups" if number else ""

    def _find_serving(self) -> dict[str, Serving]:
        reader = epochs(self._workshop.ports)
        found = {name: reader.find_serving(name) for name in self._workshop.inventory.tenants}
        return {name: serving for name, serving in found.items() if serving is not None}

    def _find_free(self) -> dict[str, Serving]:
        """Tenants that are served and that no open run is at work on."""
        reader = epochs(self._workshop.ports)
        opened = [entry.begin for entry in RunReader(self._workshop.witness).iter_open()]
        served = self._find_serving()
        return {name: each for name, each in served.items() if find_work(reader, opened, each) is None}

    def _run(self, order: Order) -> FleetReport:
        """Raises StepError when it did not end well for all: then it is told."""
        report = launch(self._desk, self._workshop, order, consent=NO_CONSENT)
        if report.ending.word == "cancelled":
            self.stop_asked = True
        elif report.ending.code:
            bad = [f"{each.tenant}: {each.cause}" for each in _not_done(report)]
            raise StepError(f"run '{report.run}' ended {report.ending.word}: {render_list(bad)}")
        return report

    def _may_try(self, what: str) -> bool:
        now = self._desk.clock.now()
        return now >= self._not_before.get(what, now)

    def _put_off(self, what: str) -> None:
        self._not_before[what] = self._desk.clock.now() + _AGAIN


def _not_done(report: FleetReport) -> list[TenantOutcome]:
    return [each for each in report.outcomes if each.status not in ("done", "skipped")]
