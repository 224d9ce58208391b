"""Moves of a tenant that a test disturbs, what it does to the world meanwhile, and how it judges the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.lab import plan
from tests.lab.company import Company
from tests.lab.conftest import TTL
from tests.lab.console import Finished
from tests.lab.host import HostMachine
from tests.lab.watching import Watched
from tests.lab.world import dump_maps, dump_serving

NEEDS_A_LOOK = frozenset({7, 9, 10})
"""Exit codes of a run that ends in doubt or half done; it is taken up again once the world is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A ``drp migrate`` under way."""

    company: Company
    tenant: str
    here: str
    there: str
    source: HostMachine
    watched: Watched

    @property
    def target(self) -> HostMachine:
        """Known once the run has said what it is going to do."""
        begun = next(event for event in self.watched.events() if event["kind"] == "run")
        return self.company.lab.hosts[begun["to"].partition("/")[2]]

    def await_step(self, step: str, status: str = "begun") -> None:
        self.watched.await_step(step, status)

    def await_status(self, status: str) -> None:
        """Until the run as a whole has said this of itself."""

        def has_said() -> bool:
            return any(e["kind"] == "run" and e["status"] == status for e in self.watched.events())

        self.watched.await_(has_said, f"the run {status}")

    def await_retry(self, step: str, *, stage: str = "") -> None:
        """Until a step that fits, of the stage if one is named, has failed in a way that may pass."""
        seen = self._count_retries(step, stage)
        self.watched.await_(lambda: self._count_retries(step, stage) > seen, f"a retry of {step}")

    def await_retry_or_end(self) -> None:
        """A fault may also be met by waiting alone, and then nothing is retried, or the whole run pauses."""
        seen = self._count_retries("*", "")
        ended = self.watched.process.poll
        self.watched.await_(
            lambda: ended() is not None or self._is_pausing() or self._count_retries("*", "") > seen,
            "a retry",
        )

    def _is_pausing(self) -> bool:
        return any(event["kind"] == "run" and event["status"] == "pausing" for event in self.watched.events())

    def _count_retries(self, step: str, stage: str) -> int:
        return sum(
            event["kind"] == "step"
            and event["status"] in ("retrying", "unsure")
            and fnmatchcase(event["step"], step)
            and (not stage or event["stage"] == stage)
            for event in self.watched.events()
        )

    def await_end(self) -> None:
        self.watched.await_(lambda: self.watched.process.poll() is not None, "its end")


def begin_move(company: Company, tenant: str) -> Move:
    host, _ = company.host_of(tenant)
    here, there = company.other_site(tenant)
    words = ("migrate", tenant, "--to", there, "--yes")
    watched = Watched.begin(company.ops1, *words, log=company.folder / "disturbed.jsonl")
    source = company.lab.hosts[host]
    return Move(company=company, tenant=tenant, here=here, there=there, source=source, watched=watched)


# ---- what is done to the world


@contextlib.contextmanager
def cut_line(host: HostMachine) -> Iterator[None]:
    """The host's management line is pulled; what it serves to clients goes on."""
    leg = host.find_leg(host.addresses.management)
    with leg.segment.pulled(leg):
        yield


@contextlib.contextmanager
def lost_answers(company: Company, host: HostMachine) -> Iterator[None]:
    """What is asked of the engine arrives and is done; its answers do not come back."""
    operator = plan.build_operator_addresses(1)[1]
    with company.lab.routers[1].losing(source=host.addresses.management, destination=operator):
        yield


@contextlib.contextmanager
def lost_requests(company: Company, host: HostMachine) -> Iterator[None]:
    """Nothing that is asked of the engine arrives."""
    operator = plan.build_operator_addresses(1)[1]
    with company.lab.routers[1].losing(source=operator, destination=host.addresses.management):
        yield


@contextlib.contextmanager
def full_volumes(company: Company, site: str, *, free: int) -> Iterator[None]:
    """New volumes at a site have room for a database that starts, and not for the data of the tenant."""
    with contextlib.ExitStack() as stack:
        for host in company.lab.hosts_of(site):
            stack.enter_context(host.full_volumes(free=free))
        yield


# ---- how it is judged, by the lab's own eyes


def find_serving(company: Company, tenant: str) -> str:
    """The only site that serves: it has the one running API and the one local route, and a client is
    answered by that at every edge. Raises AssertionError."""
    lab = company.lab
    running, routed = [], []
    for host in lab.hosts.values():
        running += [(host.site, name) for name in _list_running_apis(host, tenant)]
        routes = dump_maps(host).get("routes.map", [])
        local = (line for line in routes if line.startswith(f"{tenant}.{lab.names.zone} local:"))
        routed += [host.site for _ in local]
    assert len(running) == 1, running
    site, name = running[0]
    assert routed == [site]
    assert dump_serving(lab)[tenant].split("/")[0] == site
    for host in lab.hosts.values():
        answer = company.client(tenant).ask("GET", "/health", at=str(host.edge_address))
        assert answer["status"] == 200, (host.name, answer)
        assert answer["instance"].startswith(name.removesuffix("-api")), (host.name, answer)
    return site


def _list_running_apis(host: HostMachine, tenant: str) -> list[str]:
    with contextlib.closing(host.open_client()) as engine:
        found = engine.containers.list(filters={"label": f"drp.tenant={tenant}"})
        return [str(container.name) for container in found if str(container.name).endswith("-api")]


def finish_cleanly(company: Company, verb: str, tenant: str) -> Finished:
    """Take the run up again now that the world is well: it ends done, or is taken back."""
    finished = company.ops1.try_drp(verb, tenant, "--yes")
    assert finished.code in (0, 6), finished.said
    return finished


def retire_old(company: Company, tenant: str, site: str) -> None:
    """Remove the old stack, so that the next test finds one stack and nothing else."""
    time.sleep(2 * TTL + 1)
    company.ops1.drp("retire", tenant, "--from", site, "--yes")
