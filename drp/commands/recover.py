"""Take an interrupted run up again: find it, look at it, ask, and go on or back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drp.actions.moves import FLEET
from drp.commands.approval import check_world, is_postponed, require_approved
from drp.commands.assignment import Assignment, header_of, text_of
from drp.commands.desk import Desk, Workshop
from drp.commands.events import UNKNOWN, QuestionEvent
from drp.commands.execution import Execution
from drp.commands.journals import Memory, read_records, recall
from drp.commands.lease import hold_lease
from drp.commands.restoring import restore_here
from drp.commands.results import RunReport, Served, Takeover
from drp.commands.review import look
from drp.commands.runs import StateFolder
from drp.commands.serving import find_served
from drp.engine.fold import RunState, fold
from drp.engine.journal import Record
from drp.engine.tasks import Failed, Outcome, Partial, Present
from drp.errors import RefusedError
from drp.model.values import render_list
from drp.witness.leases import LeaseState
from drp.witness.runs import ALL, RunBegin, RunEntry, RunReader

_LEFT_IN_DOUBT = frozenset({"running", "unsure", "undoing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRun:
    """An open run with everything that is known of it."""

    begin: RunBegin
    memory: Memory
    state: RunState

    @property
    def records(self) -> Sequence[Record]:
        return self.memory.records


def inspect(desk: Desk, workshop: Workshop, word: str, *, back: bool) -> Takeover:
    """What ``resume`` or ``rollback`` would find. Nothing is touched. Raises as ``recover``."""
    return describe(workshop, find_run(desk, workshop, word, back=back), back=back)


def recover(desk: Desk, workshop: Workshop, word: str, *, back: bool) -> RunReport:
    """Go on with the run, or take it back. ``word``: run id, its tail, a tenant, "" for the only open one.

    Raises RefusedError, LeaseHeldError, JournalError, and the witness's errors; all before anything began.
    """
    return go_on(desk, workshop, find_run(desk, workshop, word, back=back), back=back)


def go_on(
    desk: Desk, workshop: Workshop, found: FoundRun, *, back: bool, expired: LeaseState | None = None
) -> RunReport:
    """Show it, ask, go on. ``expired``: its lease as this process saw it expire. Raises as ``recover``."""
    is_new = is_postponed(found.records) and not back
    if is_new:
        require_approved(found.records, found.begin)
    desk.show(describe(workshop, found, back=back))
    if not is_new:
        _ask(desk, found, back=back)
    folder = StateFolder(desk.state)
    folder.ensure()
    run, tenant = found.begin.run, found.begin.scope
    with hold_lease(desk, workshop, tenant, run=run, verb=found.begin.verb, expired=expired) as held:
        _check_unmoved(desk, workshop, found)
        if is_new:
            check_world(workshop, found.records)
        restore_here(desk, workshop, found.state, found.memory, number=held.number)
        now = find_served(workshop.ports, workshop.inventory.tenants[tenant])
        assignment = replace(_assign(desk, found, back=back), now=now)
        return Execution(desk, workshop, held, assignment=assignment).run()


def find_run(desk: Desk, workshop: Workshop, word: str, *, back: bool) -> FoundRun:
    """Raises RefusedError when there is no such run, it has ended, or it cannot go back."""
    verb = "roll back" if back else "resume"
    entry = find_entry(workshop, word, verb=verb)
    run = entry.begin.run
    if entry.end is not None:
        raise RefusedError(
            f"cannot {verb} '{run}': it ended as {entry.end.status} at {entry.end.ended}",
            hint=f"See who serves with `drp status {entry.begin.scope}`.",
        )
    if entry.begin.scope == ALL:
        raise RefusedError(
            f"cannot {verb} '{run}' like this: it is a run over many, which goes forward only",
            hint=f"See it with `drp status {run}`, go on with `drp resume {run}`.",
        )
    memory = recall(StateFolder(desk.state).journal(run), workshop.witness, run)
    if not memory.records:
        raise RefusedError(
            f"cannot {verb} '{run}': nothing of it is left, neither here nor in the witness",
            hint=f"See what is there with `drp journal rebuild {entry.begin.scope} --dry-run`.",
        )
    found = FoundRun(begin=entry.begin, memory=memory, state=fold(memory.records))
    if back and found.state.past_final:
        raise RefusedError(
            f"cannot roll back '{run}': its final step has begun",
            hint=f"Go on with `drp resume {run}`; the way home is a new migration.",
            page="E13",
        )
    return found


def find_entry(workshop: Workshop, word: str, *, verb: str) -> RunEntry:
    """The run of that id, tail or tenant; "" for the only open one. Raises RefusedError."""
    reader = RunReader(workshop.witness)
    if word and word not in workshop.inventory.tenants:
        entry = reader.find(word)
        if entry is None:
            raise RefusedError(f"cannot {verb} '{word}': there is no such run", hint="See `drp status`.")
        return entry
    entries = find_open(reader, word)
    if len(entries) == 1:
        return entries[0]
    if not entries:
        raise RefusedError(f"cannot {verb} '{word or 'a run'}': no run is open", hint="See `drp status`.")
    names = render_list([entry.begin.run for entry in entries])
    raise RefusedError(
        f"cannot {verb} '{word or 'a run'}': {len(entries)} runs are open, {names}",
        hint="Name one of them; `drp status` has all.",
    )


def find_open(reader: RunReader, scope: str) -> list[RunEntry]:
    """Open runs, of all or of one tenant, without the parts of those that are open themselves."""
    entries = [*reader.iter_open(scope)]
    runs = {entry.begin.run for entry in entries}
    return [entry for entry in entries if entry.begin.details.get(FLEET) not in runs]


def describe(workshop: Workshop, found: FoundRun, *, back: bool) -> Takeover:
    """The run as it was found, and the world as it is seen now."""
    state, begin = found.state, found.begin
    tenant = workshop.inventory.tenants[begin.scope]
    return Takeover(
        run=begin.run,
        verb=begin.verb,
        tenant=begin.scope,
        source=text_of(begin.details.get("from")),
        target=text_of(begin.details.get("to")),
        owner=begin.owner,
        silent_since=found.records[-1].time,
        total=len(state.plan.steps),
        done=sum(step.holds for step in state.steps.values()),
        doubtful=_look_at_doubtful(workshop, state),
        served=find_served(workshop.ports, tenant),
        past_final=state.past_final,
        back=back or state.back,
    )


def _look_at_doubtful(workshop: Workshop, state: RunState) -> dict[str, str]:
    """What is seen of the steps that were under way when the run fell silent."""
    perform = workshop.performer(state.plan.run, 0)
    outputs = {name: step.outputs for name, step in state.steps.items() if step.outputs is not None}
    doubtful = [step for step in state.plan.steps if state.steps[step.id].status in _LEFT_IN_DOUBT]
    return {step.id: _word(look(perform, step, outputs)) for step in doubtful}


def _word(seen: Outcome) -> str:
    match seen:
        case Present():
            return "done"
        case Partial(detail):
            return f"half done ({detail})"
        case Failed():
            return f"cannot tell ({seen.message})"
    return "not there"


def _ask(desk: Desk, found: FoundRun, *, back: bool) -> None:
    run = found.begin.run
    text = f"Take {run} back?" if back else f"Go on with {run}?"
    if not desk.ask(QuestionEvent(code="recover", text=text, flag="--yes")):
        verb = "roll back" if back else "resume"
        raise RefusedError(f"cannot {verb} '{run}': the answer was no", state="nothing was touched")


def _check_unmoved(desk: Desk, workshop: Workshop, found: FoundRun) -> None:
    """Between the look and the lease another process may have gone on with the run."""
    run = found.begin.run
    now = read_records(StateFolder(desk.state).journal(run), workshop.witness, run)
    if len(now) != len(found.records):
        raise RefusedError(
            f"cannot take over '{run}': another process went on with it meanwhile",
            hint=f"Look again with `drp status {run}`.",
            page="A5",
        )


def _assign(desk: Desk, found: FoundRun, *, back: bool) -> Assignment:
    begin, details = found.begin, found.begin.details
    epoch = details.get("epoch")
    before = Served(
        tenant=begin.scope,
        site=text_of(details.get("serves")) or UNKNOWN,
        writes=None,
        probed=found.records[0].time,
        epoch=epoch if isinstance(epoch, int) else 0,
    )
    return Assignment(
        plan=found.state.plan,
        verb=begin.verb,
        before=before,
        expected=text_of(details.get("expected")),
        source=text_of(details.get("from")),
        target=text_of(details.get("to")),
        began=desk.clock.now(),
        answers={} if back else _missing_answers(desk, found.state),
        back=back,
        can_go_back=not found.state.past_final,
        header=header_of(found.records),
    )


def _missing_answers(desk: Desk, state: RunState) -> dict[str, str]:
    """Who goes on with a run also answers what nobody had answered yet."""
    asked = [step.id for step in state.plan.steps if step.approval and step.id not in state.answers]
    return dict.fromkeys(asked, f"yes, {desk.operator}")
