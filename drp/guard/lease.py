"""Until when may the edge of a host answer for its tenants? Pure; the guard's only decision.

Three may tell a host that nobody has taken its tenants over: the witness, or the guards of the other sites
together. Any one of these keeps it serving, so neither a dead witness nor a dead site stops a client.

A take-over goes in this order, and that is why it is safe:

1. It tells ``must_tell`` guards of the other sites. Any ``vouchers`` of them include one that was told,
   so from now on they cannot vouch without naming the take-over.
2. It puts the take-over into the witness. From now on the witness names it, too.
3. It waits the term and a margin, by its own monotonic clock. A host's permission ends one term after the
   *beginning* of the renewal that gave it, so every permission given without this knowledge has ended.
4. Only then anything is started.

A take-over that ends between 1 and 2 harms nobody: as long as the witness answers, it alone says who is
taken over, and what was fenced only because guards would not vouch for it is opened again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Taken = Mapping[str, int]
"""Tenant -> the highest epoch by which another site has taken it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back in one round. ``witness`` None: no answer; ``peers``: one for each guard that did."""

    witness: Taken | None = None
    peers: Mapping[str, Taken] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """``until`` is the new permission (None: none was given, and nothing changes); before it holds, exactly
    what is ``taken`` must be fenced."""

    taken: Taken
    until: float | None


def vouchers(guards: int) -> int:
    """How many of the other sites' guards must vouch when the witness is silent: more than half."""
    return guards // 2 + 1


def must_tell(guards: int) -> int:
    """How many of the other sites' guards a take-over must tell, so that each quorum holds a told one."""
    return guards - vouchers(guards) + 1


def renew(began: float, answers: Answers, *, guards: int, term_s: float) -> Renewal:
    """``began``: the guard's clock before it asked anybody; ``guards``: how many the other sites have."""
    if answers.witness is not None:
        return Renewal(taken=answers.witness, until=began + term_s)
    if guards == 0 or len(answers.peers) < vouchers(guards):
        return Renewal(taken={}, until=None)
    taken: dict[str, int] = {}
    for answer in answers.peers.values():
        for tenant, epoch in answer.items():
            taken[tenant] = max(epoch, taken.get(tenant, 0))
    return Renewal(taken=taken, until=began + term_s)


def find_stale(owners: Mapping[str, tuple[str, int]], taken: Taken) -> list[str]:
    """Names (each with the tenant and epoch that it is routed to here) that another site has taken over."""
    return [name for name, (tenant, epoch) in owners.items() if taken.get(tenant, 0) > epoch]
