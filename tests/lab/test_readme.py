"""The README's five minutes, typed as they stand, with the laboratory's own names."""

from __future__ import annotations

import time

from tests.lab.company import Company
from tests.lab.conftest import TTL
from tests.structure.test_readme import find_commands

VERBS = ("deploy", "plan", "migrate", "status", "retire")


def test_readme_tour_works(company: Company) -> None:
    lab_names = company.lab.names
    names = {"acme": lab_names.tenants[2], "dc3": lab_names.home.name, "dc5": lab_names.away.name}
    typed = [c.split()[1:] for c in find_commands() if c.startswith("drp ") and c.split()[1] in VERBS]
    assert [words[0] for words in typed][:5] == ["deploy", "plan", "migrate", "status", "retire"]
    for words in typed[:5]:
        if words[0] == "retire":
            time.sleep(2 * TTL + 1)
        company.ops1.drp(*[names.get(word, word) for word in words], *_consent(words[0]))
    company.ops1.drp("status", names["acme"])


def _consent(verb: str) -> list[str]:
    return [] if verb in ("plan", "status") else ["--yes"]
