"""How much of a busy machine the containers of a laboratory get together.

A control group competes as if it were one process: without this, dozens of containers would share what each
process outside gets alone.
"""

from __future__ import annotations

from pathlib import Path

from tests.lab.remains import CGROUPS

PROCESSES = 16
"""As much as so many processes outside."""


def weigh(group: str) -> None:
    """Make the group, which engines then find there, and give it its weight, where the kernel can."""
    if (CGROUPS / "cgroup.controllers").exists():
        _write(CGROUPS / group / "cpu.weight", 100 * PROCESSES)
    else:
        _write(CGROUPS / "cpu" / group / "cpu.shares", 1024 * PROCESSES)


def _write(file: Path, value: int) -> None:
    file.parent.mkdir(exist_ok=True)
    if file.exists():
        file.write_text(str(value))
