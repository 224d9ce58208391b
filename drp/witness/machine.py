"""Which machine and process this is, so that a lease of a dead process on the same machine is seen at once.

Process ids mean something only within one boot and one pid namespace, so both are part of the machine's
identity: where they differ, nobody judges by process ids, and the term of the lease decides.
"""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

from drp.witness.leases import TERM, Holder


def find_machine() -> str:
    """16 hexadecimal digits for this machine, boot and pid namespace; "" where the kernel does not tell."""
    try:
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            str(Path("/proc/self/ns/pid").readlink()),
            os.uname().nodename,
        ]
    except OSError:
        return ""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def find_process_start(pid: int) -> str | None:
    """Start of the process in clock ticks since boot (field 22 of proc(5) stat); None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def build_holder(owner: str, run: str, verb: str, *, started: str, term: timedelta = TERM) -> Holder:
    """This process as the holder of a lease; ``started`` RFC 3339."""
    pid = os.getpid()
    return Holder(
        owner=owner,
        machine=find_machine(),
        pid=pid,
        process_start=find_process_start(pid) or "",
        run=run,
        verb=verb,
        started=started,
        term_s=term.total_seconds(),
    )


def is_alive(holder: Holder) -> bool | None:
    """Does the holder's process live? None when it is on another machine (or this one cannot tell)."""
    machine = find_machine()
    if not machine or holder.machine != machine or not holder.process_start:
        return None
    return find_process_start(holder.pid) == holder.process_start
