"""What a running edge says about itself, and how routes are written in its maps. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from drp.errors import RejectedError, UnreachableError
from drp.ports.edges import Route, RouteKind

MEMORY: Final = timedelta(days=20)
"""How long the last request of a name is remembered; the proxy can count to 24 days."""

_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_TARGET: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}:\d{1,5}")
_OWNER: Final = re.compile(r"[A-Za-z0-9._-]+")
_UNTIL: Final = re.compile(r"value=<(\d+)>")
_KEY: Final = re.compile(r" key=(\S+) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeState:
    """``held`` maps name -> seconds; ``until_ms`` counts since the epoch of Unix, 0: never permitted.

    ``in_flight`` counts requests that an API of this host has and did not answer, ``answered`` those that an
    API or another edge has answered.
    """

    routes: Mapping[str, Route]
    held: Mapping[str, float]
    fenced: frozenset[str]
    until_ms: int
    in_flight: Mapping[str, int]
    answered: Mapping[str, int]
    seen: Mapping[str, timedelta]
    """Name -> how long ago its last request came."""
    uptime: timedelta

    def quiet_for(self, name: str) -> timedelta:
        return min(self.seen.get(name, self.uptime), self.uptime)

    @property
    def until(self) -> datetime | None:
        """None: it was never permitted to answer."""
        return datetime.fromtimestamp(self.until_ms / 1000, UTC) if self.until_ms else None


def parse_state(text: str) -> EdgeState:
    """The whole output of the verb ``show``."""
    sections = _parse_sections(text)
    begun = _parse_table(sections["passed_on"], "http_req_cnt")
    unanswered = _parse_table(sections["passed_on"], "conn_cur")
    left = _parse_table(sections["seen"], "exp")
    seen = {name: max(timedelta(0), MEMORY - timedelta(milliseconds=ms)) for name, ms in left.items()}
    return EdgeState(
        routes={name: parse_route(value) for name, value in _iter_rows(sections["routes"])},
        held={name: float(value) for name, value in _iter_rows(sections["held"])},
        fenced=frozenset(name for name, _ in _iter_rows(sections["fenced"])),
        until_ms=_parse_until(sections["until"]),
        in_flight=_parse_table(sections["in_flight"], "conn_cur"),
        answered={name: number - unanswered[name] for name, number in begun.items()},
        seen=seen | {name: timedelta(0) for name, number in unanswered.items() if number},
        uptime=_parse_uptime(sections["info"]),
    )


def _parse_uptime(lines: list[str]) -> timedelta:
    """Raises UnreachableError when the proxy did not tell."""
    for line in lines:
        word, _, value = line.partition(":")
        if word == "Uptime_sec":
            return timedelta(seconds=int(value))
    raise UnreachableError("cannot read the edge's state: it does not tell since when it runs")


def check_name(name: str) -> None:
    """Raises RejectedError: names go into the proxy's commands, so they must be host names in lower case."""
    if not _NAME.fullmatch(name):
        raise RejectedError(f"cannot serve '{name}': it is no host name in lower case")


def parse_route(value: str) -> Route:
    """A map's value -> Route. Raises RejectedError for what drp did not write."""
    kind, *parts = value.split(":")
    for known in get_args(RouteKind):
        if kind == known:
            return Route(known, ":".join(parts[:2]), "".join(parts[2:]))
    raise RejectedError(f"cannot read the edge's routes: '{value}' is no route")


def render_route(route: Route) -> str:
    """Route -> a map's value. Raises RejectedError when the target is no ``address:port``."""
    if route.kind == "closed":
        return "closed"
    if not _TARGET.fullmatch(route.target):
        raise RejectedError(f"cannot route to '{route.target}': it is no address and port")
    if route.owner and not _OWNER.fullmatch(route.owner):
        raise RejectedError(f"cannot route to '{route.owner}': it is no name of an instance")
    return f"{route.kind}:{route.target}" + (f":{route.owner}" if route.owner else "")


def _parse_sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            lines = sections.setdefault(line[1:-1], [])
        elif line:
            lines.append(line)
    return sections


def _iter_rows(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        _, name, value = line.split(" ", 2)
        yield name, value


def _parse_until(lines: list[str]) -> int:
    found = _UNTIL.search(" ".join(lines))
    if found is None:
        raise UnreachableError("cannot read the edge's state: it does not say until when it may answer")
    return int(found[1])


def _parse_table(lines: list[str], column: str) -> dict[str, int]:
    found = {}
    for line in lines:
        key, value = _KEY.search(line), re.search(rf" {column}=(\d+)", line)
        if key and value:
            found[key[1]] = int(value[1])
    return found
