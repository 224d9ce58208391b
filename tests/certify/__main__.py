"""All parts, or those named: ``python -m tests.certify [PART …]``. Exit code 1 when something was found.

Random step graphs and every runbook, on a company in memory, lose power at every point: forward, while they
are resumed, while they are undone. Real processes are killed with their journals on disk. Journals are
damaged. Bugs are planted, and must be found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from drp.model.values import JsonMap
from tests.certify.parts import PARTS, SEED
from tests.certify.results import Part
from tests.certify.running import Outcome, run_parts

_ROOT = Path(__file__).parents[2]


def main(names: list[str]) -> int:
    """Print and write what was found."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"cannot certify '{unknown[0]}': no such part; there are {', '.join(PARTS)}")
    parts = {name: PARTS[name] for name in names or PARTS}
    began = time.monotonic()
    outcomes = run_parts(parts)
    minutes = (time.monotonic() - began) / 60
    certificate = build_certificate(parts, outcomes, minutes=minutes)
    (_ROOT / "certificate.json").write_text(json.dumps(certificate, indent=1) + "\n")
    found = sum(len(outcome.result.findings) for outcome in outcomes.values())
    print(
        f"{certificate['crashes_in_all']} crashes, {found} findings, {minutes:.1f} minutes: certificate.json"
    )
    return 1 if found else 0


def build_certificate(
    parts: Mapping[str, Part], outcomes: Mapping[str, Outcome], *, minutes: float
) -> JsonMap:
    """``certificate.json``; ``crashes_in_all`` counts power cuts in memory and real kills."""
    results = {name: outcome.result for name, outcome in outcomes.items()}
    crashes = sum(r.counts.get("crashes", 0) + r.counts.get("kills", 0) for r in results.values())
    return {
        "commit": find_commit(),
        "seed": SEED,
        "cores": os.cpu_count(),
        "minutes": round(minutes, 2),
        "crashes_in_all": crashes,
        "parts": {
            name: {
                "counts": {**result.counts},
                "seeds": parts[name].drawn,
                "processor_s": round(outcomes[name].seconds, 1),
                "skipped": result.skipped,
                "findings": [*result.findings],
            }
            for name, result in results.items()
        },
        "findings": [f"{name}: {found}" for name, result in results.items() for found in result.findings],
    }


def find_commit() -> str:
    """What was certified; a mark is added when files differ from it, "" without git."""
    words = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
