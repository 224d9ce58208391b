"""The tests marked ``certificate``: they want a laboratory and are too long for `make test`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tests.certify.results import Result
from tests.lab.preflight import find_obstacles

_ROOT = Path(__file__).parents[2]


def run_marked() -> Result:
    """pytest of that marker; skipped, with the reason, where no laboratory can be started."""
    obstacles = find_obstacles()
    if obstacles:
        return Result(skipped=f"no laboratory can be started here: missing {', '.join(obstacles)}")
    if os.environ.get("DRP_CERTIFY_LAB", "yes") == "no":
        return Result(skipped="left out by DRP_CERTIFY_LAB=no")
    with tempfile.TemporaryDirectory(prefix="drp-certify-") as folder:
        report = Path(folder, "report.xml")
        words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "certificate", f"--junitxml={report}"]
        done = subprocess.run(words, cwd=_ROOT, stdout=sys.stderr, check=False)
        if not report.exists():
            return Result(findings=[f"pytest -m certificate ended with {done.returncode} and no report"])
        return read_report(report)


def read_report(report: Path) -> Result:
    """Counts and failures of a JUnit report; a test that was skipped counts as skipped, not as run."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    findings, skipped = [], 0
    for case in cases:
        skipped += case.find("skipped") is not None
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                message = (found.get("message") or "").partition("\n")[0]
                findings.append(f"{case.get('classname')}::{case.get('name')}: {message}")
    return Result(counts={"tests": len(cases) - skipped, "tests skipped": skipped}, findings=findings)
