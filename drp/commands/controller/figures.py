"""What monitoring wants to know and the chores do not need: proofs, runs, leases, how far copies lag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drp.commands.desk import Desk, Workshop
from drp.commands.runs import StateFolder
from drp.engine.journal_mark import JournalMark
from drp.witness.journal_copy import JournalCopyReader
from drp.witness.leases import LeaseReader
from drp.witness.proofs import Proof, ProofReader
from drp.witness.runs import RunName, RunReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``proofs``: of each tenant that was drilled, the last. ``runs``: (verb, open or ended) -> how many.
    ``held``: tenants whose lease a run has. ``lag``: records of open runs of this machine that the witness
    has not.
    """

    proofs: Mapping[str, Proof]
    runs: Mapping[tuple[str, str], int]
    held: frozenset[str]
    lag: int


def collect_figures(desk: Desk, workshop: Workshop) -> Figures:
    """Errors: those of the witness."""
    reader = ProofReader(workshop.witness)
    tenants = [*workshop.inventory.tenants]
    found = {name: reader.find_newest(name) for name in tenants}
    names = RunReader(workshop.witness).names()
    return Figures(
        proofs={name: proof for name, proof in found.items() if proof is not None},
        runs=Counter((verb_of(name.run), "ended" if name.is_ended else "open") for name in names),
        held=_find_held(workshop, tenants),
        lag=_find_lag(desk, workshop, names),
    )


def verb_of(run: str) -> str:
    """``migrate-261104-7f3a`` -> ``migrate``."""
    return run.rsplit("-", 2)[0]


def _find_held(workshop: Workshop, tenants: Sequence[str]) -> frozenset[str]:
    reader = LeaseReader(workshop.witness)
    states = {name: reader.find(name) for name in tenants}
    return frozenset(name for name, state in states.items() if state is not None and not state.is_ended)


def _find_lag(desk: Desk, workshop: Workshop, names: Sequence[RunName]) -> int:
    """By the marks beside the journals; a run of another machine has none here."""
    copies, folder, lag = JournalCopyReader(workshop.witness), StateFolder(desk.state), 0
    for name in names:
        here = None if name.is_ended else JournalMark(folder.journal(name.run)).read()
        if here is not None:
            there = copies.head(name.run)
            lag += max(0, here.seq - (there.seq if there else 0))
    return lag
