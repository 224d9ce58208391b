"""The proof that an instance reaches and is reached as promised: what is expected against what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import Asker
from drp.actions.isolation_expected import Asked, SourceKind, expect, is_address, store_place
from drp.actions.isolation_view import View, look_at
from drp.actions.placement import find_links
from drp.actions.prober import Prober, Question, Sight
from drp.engine.tasks import Absent
from drp.errors import ProviderError, VerificationError
from drp.model.names import EDGE, GUARD, LINK_ROLES, Instance, LinkRole
from drp.model.reach import Cell, Matrix, Place, shown_red
from drp.model.values import JsonMap
from drp.ports.hosts import ContainerState

_AT_ONCE: Final = 12
_IPV6: Final = "IPv6"
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Somebody who asks; ``look`` puts the questions from where it stands."""

    name: str
    kind: SourceKind
    look: Callable[[list[Question]], Sight]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """One proof under way."""

    view: View
    prober: Prober
    asker: Asker

    def inside(self, container: ContainerState, kind: SourceKind, label: str) -> Source:
        return self._joined(container.name, container.id, kind, label)

    def _joined(self, name: str, container: str, kind: SourceKind, label: str) -> Source:
        def look(questions: list[Question]) -> Sight:
            return self.prober.look_inside(
                self.view.host,
                self.view.instance,
                f"{self.asker}-{label}",
                container=container,
                questions=questions,
            )

        return Source(name=name, kind=kind, look=look)

    def beside(self) -> Source:
        view = self.view

        def look(questions: list[Question]) -> Sight:
            return self.prober.look_beside(
                view.host, view.instance, self.asker, subnets=_plain(view.links), questions=questions
            )

        return Source(name="helper", kind="helper", look=look)

    def api(self, stack: ExitStack) -> Source:
        """The API, or what stands in its place until it runs."""
        view, name = self.view, self.view.instance.container("api")
        found = view.find(name)
        if found is not None and found.running:
            return self.inside(found, "api", "from-api")
        standing = self.prober.standing_in(view.host, view.instance, self.asker, subnets=view.links)
        return self._joined(name, stack.enter_context(standing), "api", "from-api")

    def sources(self, stack: ExitStack) -> Iterator[Source]:
        view = self.view
        yield self.api(stack)
        yield self.inside(view.require(view.instance.container("mongodb")), "mongodb", "from-mongodb")
        yield self.inside(view.require(view.instance.container("redis")), "redis", "from-redis")
        yield self.inside(view.require(EDGE), "edge", "from-edge")
        yield self.beside()
        guard = view.find(GUARD)
        if guard is not None and guard.running:
            yield self.inside(guard, "guard", "from-guard")
        for number, neighbour in enumerate(view.neighbours(), 1):
            yield self.inside(neighbour, "neighbour", f"from-other{number}")


def prove(
    ports: ReadPorts | WritePorts,
    host: str,
    instance: Instance,
    *,
    links: Mapping[LinkRole, str],
    asker: Asker,
) -> Matrix:
    """The whole matrix of an instance as it stands. Raises VerificationError when a part of it does not
    run, and the ports' errors; a neighbour that is gone meanwhile is left out."""
    view = look_at(ports, host, instance, links)
    probing = Probing(view=view, prober=ports.prober, asker=asker)
    addresses = _resolve(view, probing)
    with ExitStack() as stack:
        sources = [*probing.sources(stack)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = [*pool.map(partial(_fill, ports, view, addresses), sources)]
    cells = [cell for part in found for cell in part]
    return Matrix(instance=str(instance), host=host, cells=(*cells, *_seen_by_looking(view)))


def prove_standing(ports: ReadPorts | WritePorts, host: str, instance: Instance) -> Matrix:
    """The matrix of an instance that may serve: nothing of it is changed. Raises as ``prove``, and
    RefusedError when a link is missing."""
    links = find_links(ports.host(host), host, instance)
    return prove(ports, host, instance, links=links, asker="check")


def check_matrix(matrix: Matrix) -> Matrix:
    """Raises VerificationError that names the red cells."""
    red = matrix.red()
    if red:
        raise VerificationError(
            f"cannot prove the isolation of '{matrix.instance}': {shown_red(red)}",
            state=f"{len(red)} of {len(matrix.cells)} cells are not as promised",
            hint=f"Compare the firewall, networks and containers of '{matrix.host}' with what is named, "
            "then run the command again.",
            page="C17",
        )
    return matrix


def _plain(links: Mapping[LinkRole, str]) -> dict[str, str]:
    return {str(role): cidr for role, cidr in links.items()}


def _resolve(view: View, probing: Probing) -> dict[str, str]:
    """Addresses of the stores' names as helpers find them: others must not get in by the address either."""
    places = {store_place(store.url) for store in view.inventory.stores.values()}
    named = [Place(transport="tcp", address=name, port=port) for name, port in places if not is_address(name)]
    if not named:
        return {}
    sight = probing.beside().look([Question(place=place, hopeful=True) for place in named])
    return {
        place.address: address or place.address for place, address in zip(named, sight.addresses, strict=True)
    }


def _fill(
    ports: ReadPorts | WritePorts, view: View, addresses: Mapping[str, str], source: Source
) -> list[Cell]:
    """A source's cells with what was found; all unknown when it could not look."""
    asked = expect(view, source.name, source.kind, resolve=lambda name: addresses.get(name, name))
    try:
        sight = source.look([_ask(each) for each in asked])
    except ProviderError:
        if source.kind != "neighbour":
            raise
        gone = ports.host(view.host).find_container(source.name)
        return [] if gone is None or not gone.running else [each.cell for each in asked]
    cells = [each.cell.with_found(found) for each, found in zip(asked, sight.found, strict=True)]
    return cells if source.kind == "neighbour" else [*cells, _ipv6(source.name, sight)]


def _ask(each: Asked) -> Question:
    return Question(place=each.place, hopeful=each.cell.expected == "open")


def _ipv6(source: str, sight: Sight) -> Cell:
    """Without an address of its own it reaches nothing over IPv6, link-local included."""
    return Cell(
        source=source,
        target=", ".join(sight.ipv6) or _IPV6,
        place="address",
        expected="closed",
        reason="links are IPv4 only",
        found="open" if sight.ipv6 else "closed",
    )


def _seen_by_looking(view: View) -> Iterator[Cell]:
    """What needs no packet: who stands on the links, and who publishes ports."""
    intruders = view.intruders()
    for role in LINK_ROLES:
        here = [container for container, found in intruders if found == role]
        yield from _cells(view.instance.network(role), "member", "links are for their own", here)
    published = [c for c in view.containers if _publishes_wrongly(view, c)]
    yield from _cells(f"ports of {view.host}", "published", "only the edge publishes ports", published)


def _cells(target: str, place: str, reason: str, found: list[ContainerState]) -> Iterator[Cell]:
    cell = Cell(source="engine", target=target, place=place, expected="closed", reason=reason, found="closed")
    if not found:
        yield cell
    for container in found:
        shown = f"{place}: {', '.join(container.published)}" if place == "published" else place
        yield Cell(
            source=container.name,
            target=target,
            place=shown,
            expected="closed",
            reason=reason,
            found="open",
        )


def _publishes_wrongly(view: View, container: ContainerState) -> bool:
    """The edge on its address; what is not of drp anywhere else, but not everywhere."""
    public = view.inventory.host(view.host).edge
    addresses = {published.rpartition(":")[0] for published in container.published}
    if container.name == EDGE:
        return addresses - {public} != set()
    ours = "drp.tenant" in container.labels
    on_link = any(view.instance.network(role) in container.networks for role in LINK_ROLES)
    return bool(addresses) and (ours or on_link or bool(addresses & (_EVERYWHERE | {public})))


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationParams:
    """``links`` maps link -> CIDR, fixed by the plan."""

    host: str
    instance: str
    links: Mapping[LinkRole, str]


class ProveIsolation(Action[IsolationParams]):
    """Nothing but its own parts reaches an instance, and it reaches nothing but them; outputs: the matrix.

    It is done again each time it is asked for. Undo ends probes that a killed run left behind.
    """

    name: ClassVar[str] = "isolation.prove"
    params = IsolationParams

    def observe(self, ports: ReadPorts, params: IsolationParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: IsolationParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        matrix = prove(ports, params.host, instance, links=params.links, asker="reach")
        return check_matrix(matrix).to_json()

    def undo(self, ports: WritePorts, params: IsolationParams, call: Call) -> None:
        instance, host = Instance.parse(params.instance), ports.host(params.host)
        for found in host.containers({"drp.tenant": instance.tenant, "drp.role": "helper"}):
            if found.name.startswith(instance.helper("reach-")):
                host.remove_container(found.name)
