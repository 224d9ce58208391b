"""Looking from inside network namespaces. It starts helpers, yet it can only look: what they are and do is
fixed here, none of them outlives its look, so those who may only read have it too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drp.actions.build import Asker, joined_probe, linked_probe, outward_probe, stand_in
from drp.dataplane.wire import encode_job
from drp.errors import BugError, UnreachableError
from drp.model.inventory import Inventory
from drp.model.names import Instance, LinkRole
from drp.model.reach import Found, Place
from drp.model.specs import ContainerSpec
from drp.model.values import Json, JsonMap
from drp.ports.helpers import Helpers, Job
from drp.ports.hosts import Host

SILENCE_S: Final = 1.2
"""Seconds of silence that make a place closed: the kernel sends a second packet after one."""
PATIENCE_S: Final = 10.0
"""How long to wait for a place that shall be open, which on a busy host takes its time."""
_DEADLINE: Final = timedelta(seconds=110)

_KINDS: Final[Mapping[str, Found]] = {
    "open": "open",
    "refused": "refused",
    "closed": "closed",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A place, and whether it shall answer."""

    place: Place
    hopeful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen: in the questions' order, and the addresses of names; ``ipv6`` addresses of the asker."""

    found: tuple[Found, ...]
    addresses: tuple[str, ...]
    ipv6: tuple[str, ...]


class Prober:
    """Probes of the instances' surroundings. Errors: those of the ports ``Helpers`` and ``Host``."""

    def __init__(self, inventory: Inventory, helpers: Helpers, host: Callable[[str], Host]) -> None:
        self._inventory = inventory
        self._helpers = helpers
        self._host = host

    def look_inside(
        self, host: str, instance: Instance, name: str, *, container: str, questions: Sequence[Question]
    ) -> Sight:
        """From inside the network of a container (its id); ``name`` tells this probe from others."""
        spec = joined_probe(self._inventory, instance, name, join=container)
        return self._look(host, spec, questions)

    def look_beside(
        self,
        host: str,
        instance: Instance,
        asker: Asker,
        *,
        subnets: Mapping[str, str],
        questions: Sequence[Question],
    ) -> Sight:
        """From where the helpers stand that do the instance's jobs."""
        return self._look(host, linked_probe(self._inventory, instance, asker, subnets=subnets), questions)

    def look_out(self, host: str, questions: Sequence[Question]) -> Sight:
        """From a host, outward."""
        return self._look(host, outward_probe(self._inventory, self._inventory.host(host)), questions)

    @contextlib.contextmanager
    def standing_in(
        self, host: str, instance: Instance, asker: Asker, *, subnets: Mapping[LinkRole, str]
    ) -> Iterator[str]:
        """Something stands in the API's place and listens on its port meanwhile; its container's id."""
        spec = stand_in(self._inventory, instance, f"{asker}-api", subnets=subnets)
        port = self._inventory.tenants[instance.tenant].services["api"].port
        text = encode_job("stand-in", {"port": port, "limit_s": _DEADLINE.total_seconds()}, {})
        with contextlib.closing(self._host(host).run_once(spec, text, _DEADLINE)) as lines:
            next(lines)
            found = self._host(host).find_container(spec.name)
            if found is None:
                raise UnreachableError(f"cannot stand in for the API of '{instance}': it is gone")
            yield found.id

    def _look(self, host: str, spec: ContainerSpec, questions: Sequence[Question]) -> Sight:
        asked: list[Json] = [_render(question) for question in questions]
        job = Job(kind="reach", params={"questions": asked})
        seen = self._helpers.run(host, spec, job, deadline=_DEADLINE, progress=_ignore)
        return _parse(seen, len(questions))


def _ignore(_: JsonMap) -> None:
    """A look is over before it has progress to tell."""


def _render(question: Question) -> JsonMap:
    place = question.place
    return {
        "transport": place.transport,
        "address": place.address,
        "port": place.port,
        "wait_s": PATIENCE_S if question.hopeful else SILENCE_S,
    }


def _parse(seen: JsonMap, count: int) -> Sight:
    found, addresses, ipv6 = (seen.get(name) for name in ("found", "addresses", "ipv6"))
    if not (isinstance(found, list) and isinstance(addresses, list) and isinstance(ipv6, list)):
        raise BugError("cannot read what a probe found: it is not {found, addresses, ipv6}")
    if len(found) != count or len(addresses) != count:
        raise BugError(f"cannot read what a probe found: {len(found)} answers to {count} questions")
    return Sight(
        found=tuple(_KINDS.get(str(each), "unknown") for each in found),
        addresses=tuple(map(str, addresses)),
        ipv6=tuple(map(str, ipv6)),
    )
