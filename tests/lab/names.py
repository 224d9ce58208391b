"""Every name of the laboratory that a user of drp would choose: sites, hosts, tenants, zone.

``DRP_LAB_NAMES`` in the environment picks the set: unset the usual names, ``renamed`` other ones, a
whole number names made from it. Nothing else under tests/lab holds a name, so a test that passes only
with the usual ones is found by the variable.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace

VARIABLE = "DRP_LAB_NAMES"
_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One datacenter and its two hosts."""

    name: str
    hosts: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """``home`` is where the tenants start, ``away`` where they go; ``zone`` has no dot at its end."""

    home: Site
    away: Site
    tenants: tuple[str, ...]
    zone: str

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.home, self.away

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.home.hosts + self.away.hosts

    def with_tenants(self, count: int) -> Names:
        """The same with so many tenants, three at least: the others are named after the first three."""
        more = (f"{self.tenants[number % 3]}-n{number}" for number in range(3, count))
        return replace(self, tenants=(*self.tenants, *more))


USUAL = Names(
    home=Site(name="dc3", hosts=("h1", "h2")),
    away=Site(name="dc5", hosts=("h3", "h4")),
    tenants=("acme", "globex", "initech"),
    zone="example.test",
)
RENAMED = Names(
    home=Site(name="par-north", hosts=("node-a", "node-b")),
    away=Site(name="lyon2", hosts=("metal7", "metal12")),
    tenants=("umbrella", "vandelay-industries", "hooli9"),
    zone="clients.lab.invalid",
)


def build_names(seed: int) -> Names:
    """Names made from a number; the same number gives the same names, all of them different."""
    chance = random.Random(seed)
    words: list[str] = []
    while len(words) < 11:
        word = "".join(chance.sample(_SYLLABLES, chance.randint(2, 4)))
        if word not in words:
            words.append(word)
    home, away, a, b, c, d, acme, globex, initech, domain, top = words
    return Names(
        home=Site(name=home, hosts=(f"{a}{chance.randint(1, 99)}", b)),
        away=Site(name=away, hosts=(c, f"{d}-{chance.randint(1, 99)}")),
        tenants=(acme, f"{globex}-{globex[:2]}", f"{initech}{chance.randint(1, 9)}"),
        zone=f"{domain}.{top}.test",
    )


def load_names() -> Names:
    """The names that the environment asks for. Raises ValueError for an unknown set."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted in ("", "renamed"):
        return RENAMED if wanted else USUAL
    if wanted.lstrip("-").isdigit():
        return build_names(int(wanted))
    raise ValueError(f"cannot read {VARIABLE} '{wanted}': leave it empty, or write renamed or a whole number")
