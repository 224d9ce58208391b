"""Which drills there shall be, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSchedule:
    """``cron`` on the wall clock of ``zone``. Drilled are ``sample`` of the tenants meant, those whose proof
    is oldest (0: all of them); meant are ``tenants``, none named: everybody that is served.

    ``site``: where the bubble shall be, "" for a site that does not serve the tenant. ``within``: how long a
    drill may take, and so what must be left before business hours begin, unless ``in_hours`` allows them.
    ``since``: what was due before does not count; None: since a controller saw it first.
    """

    name: str
    cron: str
    zone: str
    tenants: tuple[str, ...] = ()
    sample: int = 0
    site: str = ""
    within: timedelta = timedelta(hours=1)
    in_hours: bool = False
    since: datetime | None = None
    owner: str = ""
    """Who added it; "" when the configuration says so."""
