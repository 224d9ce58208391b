"""`make certify`: the crash certificate in full numbers, written to ``certificate.json``.

Random step graphs, then every runbook on the company in memory, are killed at every point: forward,
while they are resumed, while they are undone. Journals on disk are damaged and gone on with. Exit code 1
when one world differs.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from drp.testing.blocks import crash_blocks
from drp.testing.crash import Crasher, Tally
from drp.testing.journal_damage import certify_journal
from tests.faults.test_crash_runbooks import VERBS, build_scenario

CRASHES = int(os.environ.get("DRP_CERTIFY_CRASHES", "20000"))
JOURNALS = int(os.environ.get("DRP_CERTIFY_JOURNALS", "1000"))
SEED = 20310304
_FILE = Path(__file__).parents[1] / "certificate.json"


def certify_runbooks() -> dict[str, Tally]:
    """Each runbook, killed at each of its points; the ones that can fail also while they are taken back."""
    tallies = {verb: Crasher(build_scenario(verb), seed=SEED).crash_everywhere() for verb in VERBS}
    for verb in ("deploy", "migrate"):
        tallies[f"{verb}, rolled back"] = Crasher(build_scenario(verb), seed=SEED).roll_back_everywhere()
    failing = Crasher(build_scenario("migrate", damaged=True), seed=SEED)
    tallies["migrate, failing"] = failing.crash_everywhere()
    return tallies


def main() -> int:
    """Print and write what was found."""
    began = time.monotonic()
    tallies = certify_runbooks()
    done = sum(tally.crashes for tally in tallies.values())
    tallies["random graphs"] = crash_blocks(max(CRASHES - done, 1000), seed=SEED, sample=None)
    with tempfile.TemporaryDirectory() as folder:
        damaged = certify_journal(range(SEED, SEED + JOURNALS), Path(folder))
    findings = [finding for tally in tallies.values() for finding in tally.findings] + damaged.findings
    certificate = {
        "seed": SEED,
        "minutes": round((time.monotonic() - began) / 60, 2),
        "crashes": {name: tally.crashes for name, tally in tallies.items()},
        "points": {name: tally.points for name, tally in tallies.items()},
        "crashes_in_all": sum(tally.crashes for tally in tallies.values()),
        "damaged_journals": {
            "seeds": damaged.seeds,
            "whole": damaged.whole,
            "repaired": damaged.repaired,
            "refused": damaged.refused,
        },
        "findings": findings,
    }
    _FILE.write_text(json.dumps(certificate, indent=1) + "\n")
    print(json.dumps(certificate, indent=1))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
