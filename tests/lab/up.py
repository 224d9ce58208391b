"""Keeps a laboratory running until `make lab-down`, and says how to look around in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from tests.lab.lab import Lab
from tests.lab.machine import LabError, Machine
from tests.lab.preflight import main as check_machine
from tests.lab.state import CHECKOUT, FOLDER, load_states

_KEEP = "--keep"


def main() -> None:
    """With ``--keep`` be the keeper, else start one and wait until its laboratory is up."""
    if sys.argv[1:] == [_KEEP]:
        try:
            keep()
        except (LabError, ValueError) as error:
            sys.exit(str(error))
        return
    check_machine()
    running = [state for state in load_states() if state.kept and state.is_owned()]
    if running:
        sys.exit(f"lab {running[0].lab_id} is up already: end it with `make lab-down`")
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.up", _KEEP],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert keeper.stdout is not None
    said = keeper.stdout.read().decode()
    print(said, end="")
    if not said:
        sys.exit((FOLDER / "keeper.log").read_text().strip()[-2000:])


def keep() -> None:
    """Hold the laboratory until SIGTERM."""
    ended = threading.Event()
    with Lab.up(kept=True) as lab:
        signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
        print(render_guide(lab), flush=True)
        # the starter reads until here; closing sys.stdout would leave the descriptor open
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
        ended.wait()


def render_guide(lab: Lab) -> str:
    """How to get into each machine."""
    lines = [f"lab {lab.state.lab_id} is up; files in {lab.state.root}", ""]
    for host in lab.hosts.values():
        lines.append(f"{host.site} {host.name}: engine {host.engine_url}, edge {host.edge_address}")
        lines.append(f"    {_render_entry(host)} docker -H unix:///run/docker.sock ps")
    for machine in (lab.ops1, lab.ops2, lab.client, lab.primary, lab.secondary, lab.resolver, lab.store):
        lines.append(f"{machine.name}:")
        lines.append(f"    {_render_entry(machine)} sh")
    lines += ["", f"zone {lab.dns.zone}: {lab.dns.primary}, {lab.dns.secondary}; resolver {lab.dns.resolver}"]
    lines += [f"object store {lab.s3.endpoint}: {', '.join(lab.s3.buckets)}", "end it with `make lab-down`"]
    return "\n".join(lines)


def _render_entry(machine: Machine) -> str:
    return " ".join(machine.enter())


if __name__ == "__main__":
    main()
