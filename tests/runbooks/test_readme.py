"""The page on the language tells the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drp.model.plan import ActionSpec
from drp.model.values import JsonMap
from drp.runbooks.compile import compile_runbook
from drp.runbooks.expand import LABELS
from drp.runbooks.schema import KINDS

README = (Path(__file__).parents[2] / "runbooks/README.md").read_text()

STAGE = """
stage: redeploy
inputs: {target: map}
steps: [{id: create, do: none, deadline: 1s}]
"""

CONTEXT: JsonMap = {
    "tenant": {"name": "acme"},
    "target": {"host": "h3", "databases": [{"name": "orders"}, {"name": "stock"}]},
    "hosts": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    database: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    pass


def test_example_compiles(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/redeploy.yml").write_text(STAGE)
    (tmp_path / "migrate.yml").write_text(README.split("```yaml\n")[1].split("```")[0])
    catalogue = {
        "db.restore": ActionSpec(name="db.restore", params=Restore),
        "none": ActionSpec(name="none", params=Nothing),
    }

    plan = compile_runbook(tmp_path / "migrate.yml", CONTEXT, catalogue, run="r", tenant="acme")

    assert [step.id for step in plan.steps] == ["create", "restore/orders", "restore/stock"]
    last = plan.steps[-1]
    assert last.params == {"database": "stock", "host": "h3"}
    assert (last.pools, last.approval) == ({"restores@h3": 1}, "Restore acme?")
    assert (last.deadline, last.needs) == (timedelta(minutes=30), frozenset({"create"}))


def test_kinds_and_labels_are_all_named() -> None:
    assert all(kind in README for kind in KINDS)
    assert " ".join(LABELS) in README
