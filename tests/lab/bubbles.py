"""Drills as they are seen without drp: bubbles on the hosts, and all that should not change meanwhile."""

from __future__ import annotations

import contextlib
from typing import Any

from tests.lab.company import Company
from tests.lab.lab import Lab
from tests.lab.world import dump_world


def find_bubbles(lab: Lab) -> set[tuple[str, str]]:
    """Host and instance of each bubble there is."""
    found = set()
    for name, machine in lab.hosts.items():
        with contextlib.closing(machine.open_client()) as engine:
            labels = [each.labels.get("drp.instance", "") for each in engine.containers.list(all=True)]
        found |= {(name, label) for label in labels if "-drill-" in label}
    return found


def picture(company: Company) -> dict[str, Any]:
    """All but the content of databases, which clients change."""
    found = dump_world(company.lab)
    del found["content"]
    return found
