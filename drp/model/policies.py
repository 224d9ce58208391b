"""What the company has decided beforehand about moves of many tenants."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from drp.model.drills import DrillSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class WavePolicy:
    """``canary``: tenants of the first wave; ``size``: most of a later one; ``stop_at``: share of a wave
    that may fail of one cause. Fewer than ``least`` move in one wave: waiting for a part gains nothing."""

    least: int = 8
    canary: int = 2
    size: int = 50
    stop_at: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPolicy:
    """``limit``: a bubble older than this is removed, whatever its run says."""

    limit: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePolicy:
    """``stores`` that hold a bundle of all that a failover needs, a new one ``every`` so often; ``keep``: how
    many; ``images``: with the archives of images."""

    stores: tuple[str, ...] = ()
    every: timedelta = timedelta(hours=1)
    keep: int = 10
    images: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """``neutral``: names outside of everything that drp is concerned with, by which a machine knows that it
    is not cut off itself. ``rto``, ``rpo``: what was promised, None when nothing was. ``operators``: mail
    addresses of who is told of everything; ``drills``: those that the configuration asks for."""

    waves: WavePolicy = field(default_factory=WavePolicy)
    bundle: BundlePolicy = field(default_factory=BundlePolicy)
    neutral: tuple[str, ...] = ()
    rto: timedelta | None = None
    rpo: timedelta | None = None
    operators: tuple[str, ...] = ()
    drills: tuple[DrillSchedule, ...] = ()
    drill: DrillPolicy = field(default_factory=DrillPolicy)
