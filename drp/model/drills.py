"""Which drills there shall be, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from drp.model.values import JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSchedule:
    """``cron`` on the wall clock of ``zone``. Drilled are ``sample`` of the tenants meant, those whose proof
    is oldest (0: all of them); meant are ``tenants``, none named: everybody that is served.

    ``site``: where the bubble shall be, "" for a site that does not serve the tenant. ``within``: how long a
    drill may take, and so what must be left before business hours begin, unless ``in_hours`` allows them.
    """

    name: str
    cron: str
    zone: str
    tenants: tuple[str, ...] = ()
    sample: int = 0
    site: str = ""
    within: timedelta = timedelta(hours=1)
    in_hours: bool = False

    def to_json(self) -> JsonMap:
        return {
            "name": self.name,
            "cron": self.cron,
            "zone": self.zone,
            "tenants": [*self.tenants],
            "sample": self.sample,
            "site": self.site,
            "within_s": self.within.total_seconds(),
            "in_hours": self.in_hours,
        }

    @classmethod
    def from_json(cls, data: JsonMap) -> DrillSchedule:
        """Raises KeyError, TypeError, ValueError for what ``to_json`` has not written."""
        tenants, sample, within = data["tenants"], data["sample"], data["within_s"]
        if (
            not isinstance(tenants, list)
            or not isinstance(sample, int)
            or not isinstance(within, int | float)
        ):
            raise TypeError("no schedule")
        return cls(
            name=str(data["name"]),
            cron=str(data["cron"]),
            zone=str(data["zone"]),
            tenants=tuple(str(name) for name in tenants),
            sample=sample,
            site=str(data["site"]),
            within=timedelta(seconds=within),
            in_hours=data["in_hours"] is True,
        )
