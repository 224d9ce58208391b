"""Look whether everything a change needs is there. Nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from drp.actions.action import ReadPorts
from drp.actions.checks import CLOCK_SKEW
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.config.needed import needed_secrets
from drp.errors import DrpError, RefusedError, VerificationError
from drp.model.values import Json, JsonMap

_AT_ONCE: Final = 8

Probe = Callable[[], object]
"""Returns when all is well; raises DrpError with what is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. ``error`` None: well."""

    area: str
    name: str
    error: DrpError | None


def check(ports: ReadPorts, areas: Sequence[str]) -> Listing:
    """Look at these areas, or at all. The ending is ``findings`` when something is not well.

    Raises RefusedError for an area there is not.
    """
    unknown = [area for area in areas if area not in AREAS]
    if unknown:
        raise RefusedError(
            f"cannot check '{unknown[0]}': there is no such area", hint=f"Areas: {', '.join(AREAS)}."
        )
    wanted = [area for area in AREAS if area in areas or not areas]
    probes = [(area, name, probe) for area in wanted for name, probe in AREAS[area](ports)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return _listing(wanted, [*pool.map(_look, probes)])


def _look(entry: tuple[str, str, Probe]) -> Finding:
    area, name, probe = entry
    try:
        probe()
    except DrpError as error:
        return Finding(area=area, name=name, error=error)
    return Finding(area=area, name=name, error=None)


def _listing(areas: Sequence[str], findings: Sequence[Finding]) -> Listing:
    bad = [finding for finding in findings if finding.error is not None]
    lines: list[str] = []
    for finding in bad:
        assert finding.error is not None
        lines.append(f"✗ {finding.area:<8} {finding.error.message}")
        lines += [f"           hint  {finding.error.hint}"] if finding.error.hint else []
    well = [_count(area, findings) for area in areas if all(f.area != area for f in bad)]
    lines += [f"✓ {' · '.join(well)}"] if well else []
    ending = FINDINGS if bad else DONE
    again = f" · again: drp check {' '.join(dict.fromkeys(f.area for f in bad))}" if bad else ""
    counts = f"{len(bad)} problem{'' if len(bad) == 1 else 's'}, {len(findings) - len(bad)} well"
    return Listing(
        lines=tuple(lines),
        data=_data(findings),
        summary=f"{'✗' if bad else '✓'} {counts}{again} · exit {ending.code}",
        ending=ending,
    )


def _count(area: str, findings: Sequence[Finding]) -> str:
    number = sum(finding.area == area for finding in findings)
    return f"{area} {number}"


def _data(findings: Sequence[Finding]) -> JsonMap:
    listed: list[Json] = [_finding_json(finding) for finding in findings]
    return {"findings": listed}


def _finding_json(finding: Finding) -> JsonMap:
    data: JsonMap = {"area": finding.area, "name": finding.name, "well": finding.error is None}
    if finding.error is not None:
        data |= {"message": finding.error.message, "hint": finding.error.hint}
    return data


def _config(ports: ReadPorts) -> Iterator[tuple[str, Probe]]:
    """It was read to get here; what was wrong with it was said then."""
    yield ports.inventory.digest[:12], lambda: None


def _secrets(ports: ReadPorts) -> Iterator[tuple[str, Probe]]:
    for each in needed_secrets(ports.inventory):
        yield str(each.ref), partial(ports.secret, each.ref)


def _engines(ports: ReadPorts) -> Iterator[tuple[str, Probe]]:
    for host in ports.inventory.hosts():
        yield host.name, partial(_check_engine, ports, host.name)


def _check_engine(ports: ReadPorts, name: str) -> None:
    skew = abs(ports.host(name).state().time - ports.clock.now())
    if skew > CLOCK_SKEW:
        raise VerificationError(
            f"cannot use host '{name}': its clock is {skew.total_seconds():.1f} s off",
            hint=f"Repair the time service of '{name}'.",
        )


def _stores(ports: ReadPorts) -> Iterator[tuple[str, Probe]]:
    for name in ports.inventory.stores:
        yield name, partial(_check_store, ports, name)


def _check_store(ports: ReadPorts, name: str) -> None:
    ports.store(name).list("epochs/")


def _dns(ports: ReadPorts) -> Iterator[tuple[str, Probe]]:
    zone = ports.inventory.dns
    yield "signed", partial(_check_signed, ports)
    for server in zone.servers:
        yield server, partial(_check_server, ports, server)


def _check_signed(ports: ReadPorts) -> None:
    ports.dns().find(ports.inventory.dns.zone, "SOA")


def _check_server(ports: ReadPorts, server: str) -> None:
    """A server without authority for the zone raises."""
    ports.dns().ask(server, ports.inventory.dns.zone, "SOA")


AREAS: Final[Mapping[str, Callable[[ReadPorts], Iterator[tuple[str, Probe]]]]] = {
    "config": _config,
    "secrets": _secrets,
    "engines": _engines,
    "stores": _stores,
    "dns": _dns,
}
