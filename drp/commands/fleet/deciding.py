"""Is the site lost? Looked at from this machine, from the reserve and from the third zone, before anybody is
asked whether it shall be given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar

from drp.actions.action import ReadPorts
from drp.actions.orders import Order, epochs
from drp.actions.prober import Question
from drp.commands.desk import Desk
from drp.commands.events import QuestionEvent
from drp.commands.serving import BAD_ANSWERS
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Host, Tenant
from drp.model.reach import Place
from drp.model.sights import HostSight, SiteSight

EDGE_PORT: Final = 443
PEER_PORT: Final = 80
"""Where a host's firewall lets helpers ask other sites' edges: guards vouch there."""
_TIMEOUT: Final = timedelta(seconds=3)
_AT_ONCE: Final = 16
PLANNED: Final = "planned"
"""Mode in which every tenant is handed over."""

T = TypeVar("T")


def look_at_site(ports: ReadPorts, order: Order) -> SiteSight:
    """What answers of the site that the order leaves. Never raises a ``DrpError``: silence is an answer."""
    inventory = ports.inventory
    source, target = inventory.sites[order.source].hosts, inventory.sites[order.site].hosts
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        engines = _ask(pool, source, lambda host: _has_engine(ports, host))
        edges = _ask(pool, source, lambda host: _reaches(ports, host.edge))
        others = _ask(pool, target, lambda host: _has_engine(ports, host) or _reaches(ports, host.edge))
        neutral = _ask(pool, inventory.policies.neutral, lambda name: _reaches(ports, name))
        reserve, seen = _look_from_reserve(ports, target, source)
        serving, witness = _find_served(ports, order)
        tenants = _ask(
            pool, serving, lambda name: _is_answered(ports, inventory.tenants[name], serving[name])
        )
    sights = (
        HostSight(host=host.name, engine=engines[host], here=edges[host], reserve=seen.get(host.name))
        for host in source
    )
    return SiteSight(
        site=order.source,
        hosts=tuple(sights),
        tenants=tenants,
        neutral=neutral,
        target=any(others.values()),
        witness=witness,
        reserve=reserve,
        seen=ports.clock.now(),
    )


def _ask(pool: ThreadPoolExecutor, things: Iterable[T], look: Callable[[T], bool]) -> dict[T, bool]:
    listed = list(things)
    return dict(zip(listed, pool.map(look, listed), strict=True))


def _has_engine(ports: ReadPorts, host: Host) -> bool:
    try:
        ports.host(host.name).state()
    except DrpError:
        return False
    return True


def _reaches(ports: ReadPorts, address: str) -> bool:
    return ports.probes.reaches(address, EDGE_PORT, _TIMEOUT)


def _look_from_reserve(
    ports: ReadPorts, reserve: Sequence[Host], source: Sequence[Host]
) -> tuple[str, Mapping[str, bool]]:
    """The first host of the reserve that can look, and what it sees of the site's edges."""
    questions = [
        Question(place=Place(transport="tcp", address=host.edge, port=PEER_PORT), hopeful=False)
        for host in source
    ]
    for host in reserve:
        try:
            found = ports.prober.look_out(host.name, questions).found
        except DrpError:
            continue
        # who refuses is there
        answers = [each in ("open", "refused") for each in found]
        return host.name, dict(zip((each.name for each in source), answers, strict=True))
    return "", {}


def _find_served(ports: ReadPorts, order: Order) -> tuple[dict[str, Host], bool]:
    """Tenants of the order that the witness says the site serves -> on which host; whether it answered."""
    found: dict[str, Host] = {}
    try:
        for name in order.tenants:
            serving = epochs(ports).find_serving(name)
            if serving is not None and serving.site == order.source:
                found[name] = ports.inventory.host(serving.host)
    except DrpError:
        return {}, False
    return found, True


def _is_answered(ports: ReadPorts, tenant: Tenant, host: Host) -> bool:
    """Whether the API answers through its edge as its smoke test wants, as far as that only reads."""
    reading = [each for each in tenant.smoke if each.get("method", "GET") == "GET"]
    path = str(reading[0]["path"]) if reading else "/"
    try:
        answer = ports.probes.get(host.edge, tenant.domains[0], path, _TIMEOUT)
    except DrpError:
        return False
    if reading:
        return answer.status == reading[0].get("expect_status", 200)
    return answer.status not in BAD_ANSWERS


def check_not_isolated(order: Order, sight: SiteSight) -> None:
    """Raises RefusedError when it is this machine that is cut off: no mode helps."""
    if sight.verdict != "isolated":
        return
    names = "neutral names and " if sight.neutral else ""
    raise RefusedError(
        f"cannot declare '{order.source}' dead: {names}'{order.site}' do not answer either, "
        "this machine is isolated",
        state="nothing was touched",
        hint="Run it from another machine; what this one reaches says `drp check`.",
        page="A3",
    )


def decide(desk: Desk, order: Order, sight: SiteSight, *, mode: str) -> str:
    """The mode in which the site is left; asks when it still shows life. Raises RefusedError."""
    if sight.verdict != "dead" and not mode:
        question = QuestionEvent(code="mode", text="A, B or q:", flag="--mode disaster")
        typed = desk.type_in(question).strip().upper()
        mode = {"A": PLANNED, "B": "disaster"}.get(typed, "")
        if not mode:
            raise RefusedError(
                f"cannot fail over from '{order.source}': neither way was chosen",
                state="nothing was touched",
                hint="Say `--mode disaster` to give it up.",
            )
    return mode


def check_alive(order: Order, sight: SiteSight) -> None:
    """Raises RefusedError when there is nobody who could hand over."""
    if sight.verdict == "dead":
        raise RefusedError(
            f"cannot move '{order.source}' as planned: nothing of it answers",
            state="nothing was touched",
            hint="Give it up with `--mode disaster`.",
        )
