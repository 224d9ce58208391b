"""The page on the language tells the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drp.model.plan import ON_FAILURE, ActionSpec
from drp.model.values import Json, JsonMap
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Enough:
    steps: tuple[str, ...]
    least: int


def test_example_over_many_tenants_compiles(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/redeploy.yml").write_text(STAGE)
    (tmp_path / "fleet.yml").write_text(README.split("```yaml\n")[2].split("```")[0])
    catalogue = {
        "fleet.enough": ActionSpec(name="fleet.enough", params=Enough),
        "none": ActionSpec(name="none", params=Nothing),
    }
    tenants: list[Json] = [{"name": name, "target": {}} for name in ("acme", "globex")]

    plan = compile_runbook(tmp_path / "fleet.yml", {"tenants": tenants}, catalogue, run="r", tenant="")

    created = ["create/acme", "create/globex"]
    assert [(step.id, step.scope) for step in plan.steps] == [
        *zip(created, ("acme", "globex"), strict=True),
        ("enough", ""),
    ]
    assert plan.on_failure == "quarantine"
    assert plan.steps[-1].params == {"steps": created, "least": 2}
    assert plan.steps[-1].after == {*created}


def test_kinds_and_policies_and_labels_are_all_named() -> None:
    assert all(word in README for word in (*KINDS, *ON_FAILURE))
    assert " ".join(LABELS) in README
