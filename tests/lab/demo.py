"""`make demo`: a tenant moves between two datacenters of real engines, then one of them is lost."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from drp.model.values import parse_size, render_list
from tests.lab.clients import Client, Verified
from tests.lab.company import Company, build_company
from tests.lab.demo_disaster import play
from tests.lab.demo_drill import drill
from tests.lab.demo_reports import write_reports
from tests.lab.disaster import deploy_empty
from tests.lab.lab import Lab
from tests.lab.machine import LabError
from tests.lab.preflight import find_obstacles
from tests.lab.telling import told

DOCUMENTS, FILES, KEYS = 20_000, parse_size("50MB"), 1_000
AFTERGLOW_S = 3
"""How long the client goes on writing after the move."""


def main() -> int:
    """Exit code 0: a move without loss, a failover that lost what is younger than the backups, a drill."""
    obstacles = find_obstacles()
    if obstacles:
        print(f"✗ the demo cannot run here: missing {', '.join(obstacles)}")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="drp-demo-"))
    try:
        return _run(folder)
    except LabError as error:
        print(f"✗ the demo failed: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path) -> int:
    print("drp demo · two datacenters, three tenants, one disaster, one drill", flush=True)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        with told("lab", "two sites of two hosts · witness, DNS, S3 outside"):
            lab = stack.enter_context(Lab.up())
        company = build_company(lab, folder)
        with told("deploy", f"{render_list(lab.names.tenants)} at {lab.names.home.name}"):
            deploy_empty(company)
        moving = lab.names.tenants[0]
        with told("data", f"{moving}: {DOCUMENTS:,} documents, 50 MB of files, {KEYS:,} keys"):
            company.seed(moving, documents=DOCUMENTS, files=FILES, keys=KEYS)
        acts = [_move(company, moving), play(company), drill(company)]
        write_reports(company)
        print(f"{'✓' if all(acts) else '✗'} all acts · {time.monotonic() - began:.0f} s in all")
        print("  try next  make lab-up, then drp status · drp plan migrate TENANT --to SITE · make lab-down")
        return 0 if all(acts) else 1


def _move(company: Company, tenant: str) -> bool:
    target = company.lab.names.away.name
    client = company.client(tenant)
    token = client.log_in("alice")
    client.start_writing()
    print(f"1 of 3  {tenant} moves while its client writes", flush=True)
    print(f" ▶ {tenant}'s client writes through its DNS name from now on", flush=True)
    time.sleep(1)
    with told("migrate", f"drp migrate {tenant} --to {target} --yes"):
        result = company.ops1.drp("migrate", tenant, "--to", target, "--yes")
    forwarded = _ask_old_edges(company, client)
    time.sleep(AFTERGLOW_S)
    client.stop_writing()
    with told("verify", "every acknowledged write, by value, through the API"):
        verified = client.verify()
    session = client.ask("GET", "/session", token=token)
    print_table(company, result, verified, forwarded=forwarded, session=int(session["status"]))
    good = (
        not verified.lost
        and verified.acknowledged > 0
        and session["status"] == 200
        and all(forwarded.values())
    )
    print(f"{'✓' if good else '✗'} {tenant} is served by {target}", flush=True)
    return good


def _ask_old_edges(company: Company, client: Client) -> dict[str, bool]:
    """Whether each edge of the old site, asked as by an old DNS answer, is answered by the new instance."""
    _, instance = company.host_of(client.name.partition(".")[0])
    found = {}
    for host in company.lab.hosts_of(company.lab.names.home.name):
        answer = client.ask("GET", "/health", at=str(host.edge_address))
        found[host.name] = answer["status"] == 200 and str(answer["instance"]).startswith(instance)
    return found


def print_table(
    company: Company, result: dict[str, Any], verified: Verified, *, forwarded: dict[str, bool], session: int
) -> None:
    """Everything that was measured."""
    rows = [(stage, f"{ms / 1000:.1f} s") for stage, ms in dict(result.get("stages_ms", {})).items()]
    content = result.get("content", {})
    rows += [
        ("writes held", f"{result.get('freeze_ms', 0) / 1000:.1f} s"),
        ("compared", f"{content.get('documents', 0):,} documents, {content.get('bytes', 0):,} bytes"),
        ("", f"{content.get('indexes', 0)} indexes, {content.get('users', 0)} users"),
        *((f"DNS {server}", ", ".join(values)) for server, values in dict(result.get("dns", {})).items()),
        (
            "old edges",
            ", ".join(f"{h} {'forwards' if ok else 'DOES NOT FORWARD'}" for h, ok in forwarded.items()),
        ),
        ("old token", "still works" if session == 200 else f"REFUSED with {session}"),
        ("acknowledged", f"{verified.acknowledged:,}"),
        ("found", f"{verified.found:,}"),
        ("lost", str(len(verified.lost))),
        ("refused", f"{verified.refused} {' '.join(verified.refusals)}"),
        ("slowest", f"{verified.slowest_s:.1f} s"),
    ]
    for name, value in rows:
        print(f"   {name:26} {value}")


if __name__ == "__main__":
    sys.exit(main())
