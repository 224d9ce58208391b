"""Fencing a site that is taken over: tell guards and witness, wait until it cannot answer any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.engine.tasks import Absent, Present
from drp.errors import DrpError, RefusedError, RejectedError
from drp.guard.lease import must_tell
from drp.model.names import GUARD
from drp.model.values import Json, JsonMap
from drp.ports.hosts import ExecResult
from drp.witness.takeovers import Claimed, TakeoverReader, Takeovers

_WORDS: Final = ("python3", "-m", "drp.guard")
_DEADLINE: Final = timedelta(seconds=10)
_POLL: Final = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellParams:
    """``claims``: the steps that claimed the epochs from which on the tenants are served elsewhere."""

    host: str
    claims: tuple[str, ...]


class TellGuard(Action[TellParams]):
    """Tell one guard of the take-over, so that it does not vouch for the old site any more. It stays told."""

    name: ClassVar[str] = "fence.tell"
    params = TellParams

    def observe(self, ports: ReadPorts, params: TellParams, call: Call) -> Observation:
        # what a guard was told can only be asked by a command, and telling again does no harm
        return Absent()

    def apply(self, ports: WritePorts, params: TellParams, call: Call) -> JsonMap:
        taken = find_taken(call, params.claims)
        words = [*_WORDS, "tell", json.dumps(taken, sort_keys=True)]
        told = _read(params.host, ports.host(params.host).execute(GUARD, words, _DEADLINE))
        missing = [tenant for tenant, epoch in taken.items() if _number(told.get(tenant)) < epoch]
        if missing:
            raise RejectedError(f"cannot tell the guard of '{params.host}': it forgot {', '.join(missing)}")
        return {"host": params.host}


def find_taken(call: Call, claims: Iterable[str]) -> dict[str, int]:
    """Tenant -> epoch of the claims that were won; a tenant that another run has claimed is left alone."""
    won = [found for step in claims if (found := call.inputs.get(step))]
    return {str(claim["tenant"]): _number(claim["epoch"]) for claim in won}


def _read(host: str, said: ExecResult) -> JsonMap:
    lines = said.output.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if said.exit_code == 0 and lines else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        reason = " ".join(said.output.split())[-200:] or f"exit code {said.exit_code}"
        raise RejectedError(f"cannot tell the guard of '{host}': {reason}")
    return found


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceParams:
    """``site`` is taken over. ``guards``: how many the others have; ``told``: steps that told them."""

    site: str
    claims: tuple[str, ...]
    guards: int
    told: tuple[str, ...]


class AnnounceTakeover(Action[AnnounceParams]):
    """Put the take-over into the witness; from then on the site's guards close these tenants. It stays."""

    name: ClassVar[str] = "fence.announce"
    params = AnnounceParams

    def observe(self, ports: ReadPorts, params: AnnounceParams, call: Call) -> Observation:
        reader = TakeoverReader(ports.store(ports.inventory.witness))
        found = reader.find(params.site, call.run)
        return Absent() if found is None else Present({"number": found.number})

    def apply(self, ports: WritePorts, params: AnnounceParams, call: Call) -> JsonMap:
        told = [step for step in params.told if call.inputs.get(step)]
        least = must_tell(params.guards)
        if len(told) < least:
            raise RefusedError(
                f"cannot take over from '{params.site}': {len(told)} guards were told, {least} must be",
                hint="Bring another host of the target up, then go on with `drp resume`.",
            )
        claimed = Claimed(
            site=params.site,
            run=call.run,
            actor=call.actor,
            time=ports.clock.now().isoformat(),
            taken=find_taken(call, params.claims),
        )
        made = Takeovers(ports.store(ports.inventory.witness)).announce(claimed)
        return {"number": made.number}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitParams:
    """``term_s`` and a margin after which no permission of before can be valid any more."""

    site: str
    names: tuple[str, ...]
    term_s: float
    margin_s: float


class WaitFenced(Action[WaitParams]):
    """Wait until no edge of the old site can answer for these names: by looking, else by waiting the term."""

    name: ClassVar[str] = "fence.wait"
    params = WaitParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: WaitParams, call: Call) -> Observation:
        return Present({"proof": "seen"}) if self._is_seen(ports, params) else Absent()

    def apply(self, ports: WritePorts, params: WaitParams, call: Call) -> JsonMap:
        """Counted by this process's own clock from here on: whoever takes the run up waits once more."""
        ends = ports.clock.monotonic() + params.term_s + params.margin_s
        while ports.clock.monotonic() < ends:
            if self._is_seen(ports, params):
                return {"proof": "seen"}
            left = timedelta(seconds=max(0.0, ends - ports.clock.monotonic()))
            ports.clock.wait(min(_POLL, left))
        return {"proof": "waited", "waited_s": params.term_s + params.margin_s}

    @staticmethod
    def _is_seen(ports: ReadPorts | WritePorts, params: WaitParams) -> bool:
        """Every edge of the site answers, and none leads these names to an API any more."""
        try:
            for host in ports.inventory.sites[params.site].hosts:
                routes = ports.edge(host.name).routes()
                open_here = {name for name in params.names if name in routes and routes[name].kind == "local"}
                if open_here - ports.edge(host.name).fenced():
                    return False
        except DrpError:
            return False
        return True
