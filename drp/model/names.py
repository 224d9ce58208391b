"""Deterministic names of everything drp creates.

An *instance* is one concrete stack of a tenant: ``acme-e0007`` (its epoch), or
``acme-drill-20310304t0512e4k7`` (the minute in UTC in which its drill began, the last letters of the run).
Two instances of a tenant can live side by side on one host, so every name holds the instance.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

ServiceRole = Literal["api", "mongodb", "redis"]
LinkRole = Literal["edge", "data", "cache"]

SERVICE_ROLES: Final[tuple[ServiceRole, ...]] = ("mongodb", "redis", "api")
LINK_ROLES: Final[tuple[LinkRole, ...]] = ("edge", "data", "cache")

EDGE: Final = "drp-edge"
"""Container, network and bridge of the edge; one a host."""

GUARD: Final = "drp-guard"
"""Container of the guard; one a host. It shares the edge's volume."""

EGRESS: Final = "drp-out"
"""Network and bridge by which helpers reach the object store; one a host, no traffic between its members."""

_DRILL_MOMENT: Final = "%Y%m%dt%H%M"

SECRETS_ROOT: Final = "/run/drp"
"""Host tmpfs under which the secret files of instances lie."""


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """A tenant's stack, named by its epoch or its drill."""

    tenant: str
    mark: str

    @classmethod
    def of_epoch(cls, tenant: str, epoch: int) -> Instance:
        return cls(tenant, f"e{epoch:04d}")

    @classmethod
    def of_drill(cls, tenant: str, began: datetime, tail: str) -> Instance:
        """``tail``: the last letters of the run, so that no two runs have one name."""
        return cls(tenant, f"drill-{began.astimezone(UTC):{_DRILL_MOMENT}}{tail}")

    @classmethod
    def parse(cls, name: str) -> Instance:
        """``acme-e0007`` -> Instance. Raises ValueError when it is not an instance's name."""
        match = re.fullmatch(r"(.+?)-(e\d{4,}|drill-\w+)", name)
        if not match:
            raise ValueError(f"'{name}' is not the name of an instance")
        return cls(match.group(1), match.group(2))

    @property
    def epoch(self) -> int | None:
        """The epoch, or None for a drill."""
        return int(self.mark[1:]) if re.fullmatch(r"e\d+", self.mark) else None

    @property
    def is_drill(self) -> bool:
        return self.mark.startswith("drill-")

    @property
    def began(self) -> datetime | None:
        """When its drill began, to the minute; None for what is no drill, or was not named by drp."""
        match = re.match(r"drill-(\d{8}t\d{4})", self.mark)
        if match is None:
            return None
        return datetime.strptime(match.group(1), _DRILL_MOMENT).replace(tzinfo=UTC)

    def __str__(self) -> str:
        return f"{self.tenant}-{self.mark}"

    def container(self, role: ServiceRole) -> str:
        return f"{self}-{role}"

    def network(self, role: LinkRole) -> str:
        return f"{self}-{role}"

    def volume(self, role: ServiceRole) -> str:
        return f"{self}-{role}"

    def bridge(self, role: LinkRole) -> str:
        """Linux interface name, at most 15 characters, always starting with ``drp``."""
        return f"drp{hashlib.sha256(str(self).encode()).hexdigest()[:10]}{role[0]}"

    def secrets_dir(self, role: ServiceRole) -> str:
        """Directory in the host's tmpfs that a service's container sees as /run/secrets."""
        return f"{SECRETS_ROOT}/{self}/{role}"

    def helper(self, job: str) -> str:
        return f"{self}-helper-{job}"


def is_drill(name: str) -> bool:
    """Whether that is the name of an instance of a drill; False for what is no instance's name."""
    return re.fullmatch(r".+?-drill-\w+", name) is not None
