"""The table of keys in config/README.md is what the schema says.

With ``DRP_WRITE=1`` in the environment the table is written anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from drp.config.export import render_key_table

README = Path(__file__).parents[2] / "config" / "README.md"
TABLE = re.compile(r"(<!-- keys: [^\n]*-->\n)(.*)(<!-- keys end -->)", re.DOTALL)


def test_the_table_of_keys_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    fresh = TABLE.sub(lambda found: f"{found[1]}\n{render_key_table()}\n{found[3]}", text)
    assert TABLE.search(text), "the marks around the table are gone"
    if os.environ.get("DRP_WRITE") == "1":
        README.write_text(fresh, encoding="utf-8")
        return

    assert text == fresh, "stale: run DRP_WRITE=1 pytest tests/config/test_readme.py"
