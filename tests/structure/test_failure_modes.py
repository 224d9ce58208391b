"""The table of failure modes in tests/README.md is what the tests say.

With ``DRP_WRITE=1`` in the environment the table is written anew.
"""

from __future__ import annotations

import os
import re

from tests.failure_modes import ROWS, TESTS, find_covered, render_table

README = TESTS / "README.md"
TABLE = re.compile(r"(<!-- failure modes: [^\n]*-->\n)(.*)(<!-- failure modes end -->)", re.DOTALL)


def test_every_row_that_a_test_names_is_known() -> None:
    assert find_covered().keys() <= ROWS.keys()


def test_the_table_is_fresh_and_long_enough() -> None:
    text = README.read_text(encoding="utf-8")
    assert TABLE.search(text), "the marks around the table are gone"
    fresh = TABLE.sub(lambda found: f"{found[1]}\n{render_table()}\n\n{found[3]}", text)
    if os.environ.get("DRP_WRITE") == "1":
        README.write_text(fresh, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == fresh, (
        "stale: run DRP_WRITE=1 pytest tests/structure/test_failure_modes.py"
    )
    assert len(find_covered()) >= 30
