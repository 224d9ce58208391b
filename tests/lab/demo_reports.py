"""What the demo did, as drp itself tells it: a page for each act, and what proves it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.lab.company import Company
from tests.lab.state import CHECKOUT
from tests.lab.telling import told

FOLDER: Final = CHECKOUT / ".cache" / "reports"


def write_reports(company: Company) -> None:
    """By the operator who is left: what the other did is in the witness.

    Raises LabError when what was signed does not hold.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    states = {"migrate": company.ops1.state, "failover": company.ops2.state, "drill": company.ops2.state}
    runs = [path.stem for verb, state in states.items() for path in state.glob(f"{verb}-*.journal")]
    pages = []
    with told("reports", "drp report RUN --html FILE --evidence FILE, verified"):
        for run in runs:
            page, evidence = FOLDER / f"{run}.html", FOLDER / f"{run}.evidence"
            company.ops2.drp("report", run, "--html", str(page), "--evidence", str(evidence))
            company.ops2.drp("evidence", "verify", str(evidence), "--journal")
            pages.append(page)
    for each in pages:
        print(f"   {'to read':9} {_show(each)}", flush=True)


def _show(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
