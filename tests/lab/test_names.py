"""Names come from one place, and every set of them can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.names import RENAMED, USUAL, Names, build_names
from tests.lab.plan import build_host_plan
from tests.lab.state import CHECKOUT

_HERE = Path(__file__).parent
# where they are defined, and where those of README.md are translated
_HOLDERS = ("names.py", "test_readme.py")


def all_words(names: Names) -> list[str]:
    return [s.name for s in names.sites] + list(names.hosts) + list(names.tenants) + [names.zone]


@pytest.mark.parametrize("names", [USUAL, RENAMED, *map(build_names, range(50))])
def test_names_of_a_set_are_different_and_fit_for_their_use(names: Names) -> None:
    words = all_words(names)
    assert len(set(words)) == len(words) == 10
    for word in words[:-1]:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", word)
        assert len(word) <= 24
    assert len(names.zone.split(".")) >= 2


def test_sets_share_no_name() -> None:
    assert not set(all_words(USUAL)) & set(all_words(RENAMED))
    assert build_names(7) == build_names(7)
    assert build_names(7) != build_names(8)


def test_no_other_file_of_the_lab_holds_a_name() -> None:
    # names of two letters and digits mean other things too often to be searched alone
    words = [word for word in all_words(USUAL) + all_words(RENAMED) if len(word) > 2]
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, words)) + r")\b")
    files = [p for p in _HERE.rglob("*") if p.suffix in (".py", ".sh", ".json") and p.name not in _HOLDERS]
    assert len(files) > 20
    found = {
        f"{file.relative_to(CHECKOUT)}: {match[0]}"
        for file in files
        for match in pattern.finditer(file.read_text())
    }
    assert found == set()


def test_hosts_have_addresses_of_their_own() -> None:
    plans = [build_host_plan(number // 2, number) for number in range(4)]
    for field in ("public", "management", "subnets", "pool", "default_bridge"):
        assert len({getattr(one, field) for one in plans}) == 4
