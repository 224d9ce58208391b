"""All actions by name, and how the engine's tasks reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from drp.actions import (
    backups,
    bubbles,
    checks,
    containers,
    content,
    databases,
    dns,
    drills,
    edges,
    epochs,
    fences,
    gates,
    guards,
    images,
    isolation,
    moves,
    names,
    networks,
    secrets,
    volumes,
)
from drp.actions.action import Action, Call, ReadPorts, WritePorts
from drp.engine.tasks import APPLY, OBSERVE, Done, OnProgress, Outcome, Task
from drp.model.plan import ActionSpec, Step

_ALL: Final[tuple[Action[Any], ...]] = (
    backups.TakeBackup(),
    backups.CheckBackup(),
    backups.RestoreBackup(),
    bubbles.RemoveHelpers(),
    bubbles.CheckAlone(),
    bubbles.CheckGone(),
    checks.CheckHost(),
    checks.CheckEdge(),
    checks.CheckStore(),
    checks.CheckNames(),
    checks.CheckSource(),
    checks.CheckDrained(),
    checks.CheckFreeze(),
    containers.CreateContainer(),
    containers.RemoveContainer(),
    containers.StartContainer(),
    containers.StopContainer(),
    containers.HaltContainer(),
    content.ReadBack(),
    content.CompareContent(),
    content.SmokeTest(),
    content.CleanProbe(),
    databases.WaitReady(),
    databases.RefreshAccounts(),
    databases.SetTtlMonitor(),
    databases.RefuseFormer(),
    databases.CheckQuiet(),
    dns.SetTtl(),
    dns.Switch(),
    dns.Agreed(),
    drills.ReadClock(),
    drills.CompareBackup(),
    drills.CheckLogins(),
    drills.Transact(),
    drills.KeepProof(),
    edges.ConfigureEdge(),
    edges.Hold(),
    edges.Release(),
    edges.Drain(),
    edges.SetRoute(),
    edges.SetCertificate(),
    edges.CheckHandshake(),
    edges.CheckServes(),
    edges.CheckForwards(),
    epochs.ClaimEpoch(),
    epochs.ServeEpoch(),
    epochs.CheckOwned(),
    fences.TellGuard(),
    fences.AnnounceTakeover(),
    fences.WaitFenced(),
    gates.Gate(),
    guards.ConfigureGuard(),
    guards.CheckPermitted(),
    images.CarryImage(),
    isolation.ProveIsolation(),
    moves.MoveTenant(),
    names.CheckExpected(),
    names.SwitchAll(),
    networks.CreateNetwork(),
    networks.RemoveNetwork(),
    networks.Connect(),
    networks.Disconnect(),
    networks.Unplug(),
    secrets.PrepareSecrets(),
    secrets.RemoveSecrets(),
    secrets.PlaceSecrets(),
    volumes.CreateVolume(),
    volumes.RemoveVolume(),
    volumes.PrepareVolume(),
)

CATALOGUE: Final[Mapping[str, Action[Any]]] = {action.name: action for action in _ALL}

_ADAPTERS: Final = {name: TypeAdapter[Any](action.params) for name, action in CATALOGUE.items()}


def action_specs() -> dict[str, ActionSpec]:
    """What the runbook compiler must know of each action."""
    return {
        name: ActionSpec(
            name=name,
            params=action.params,
            reversible=action.reversible,
            read_only=action.read_only,
            makes_wait=action.makes_wait,
        )
        for name, action in CATALOGUE.items()
    }


def find_moved(ports: ReadPorts, step: Step) -> str:
    """What the step meets that its plan did not, in words; "" when nothing. Errors: those of the ports."""
    action = CATALOGUE[step.action]
    return action.moved(ports, _ADAPTERS[action.name].validate_python(step.params))


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Does the engine's tasks on these ports; needs nothing but the task, so any process could do it."""

    reading: ReadPorts
    writing: WritePorts
    run: str
    actor: str

    def __call__(self, task: Task, progress: OnProgress) -> Outcome:
        action = CATALOGUE[task.step.action]
        params = _ADAPTERS[action.name].validate_python(task.step.params)
        call = Call(
            run=self.run,
            step=task.step.id,
            actor=self.actor,
            attempt=task.attempt,
            inputs=task.inputs,
            deadline_s=task.step.deadline.total_seconds(),
            progress=progress,
            failures=task.failures,
        )
        if task.phase == OBSERVE:
            return action.observe(self.reading, params, call)
        if task.phase == APPLY:
            outputs = action.apply(self.writing, params, call)
            action.verify(self.reading, params, call, outputs)
            return Done(outputs)
        action.undo(self.writing, params, call)
        return Done()
