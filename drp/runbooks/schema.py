"""A runbook as it is written, typed: stages, steps and their places, nothing filled in yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from drp.config.yaml import Node, load_yaml
from drp.errors import ConfigError, Place
from drp.model.plan import ON_FAILURE, RetryPolicy
from drp.model.values import Json
from drp.runbooks.complaints import LINT, Complaints, unknown
from drp.runbooks.reading import Reader, Ref

KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "count": (int,),
    "number": (int, float),
    "flag": (bool,),
    "list": (list,),
    "map": (dict,),
    **dict.fromkeys(("tenant", "site", "host", "store", "instance"), (dict, str)),
}
"""What an input may be; the words of the trade are a map of facts or just a name."""

RESERVED: Final = "steps"
"""The name under which expressions find the ids of other steps."""

_BESIDE: Final = ("for-each", "needs", "after")
"""What a stage may have beside its name or ``use``, and a step too."""

_WAVED: Final = (*_BESIDE, "waves")
"""What a stage may have besides."""

_LOOP: Final = re.compile(r"(\S+) as ([a-z][a-z0-9_-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """``for-each: LIST as NAME``."""

    source: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDef:
    """One entry of ``steps``. ``values`` is its ``with`` (None when it has none)."""

    id: str
    do: Ref
    values: Node | None
    loop: Loop | None
    needs: tuple[Ref, ...]
    after: tuple[Ref, ...]
    retry: RetryPolicy
    deadline: timedelta
    approve: Node | None
    final: Place | None
    pools: Mapping[str, tuple[int, Place]]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WavesDef:
    """``waves: {gate: STEP, until: STAGE}``; what it means says ``waves``."""

    gate: Ref
    until: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDef:
    """A stage, written in the runbook or used from a file. ``given`` is the ``with`` beside ``use``."""

    name: str
    loop: Loop | None
    needs: tuple[Ref, ...]
    after: tuple[Ref, ...]
    steps: tuple[StepDef, ...]
    inputs: Mapping[str, str]
    given: Mapping[str, Node]
    waves: WavesDef | None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """A whole runbook. ``inputs`` maps each name it may look up to its kind."""

    name: str
    inputs: Mapping[str, str]
    places: Mapping[str, Place]
    on_failure: str
    stages: tuple[StageDef, ...]


def load_runbook(path: Path) -> Runbook:
    """Read a runbook and the stage files it uses. Raises ConfigError with every problem of form."""
    complaints = Complaints()
    try:
        runbook = _Schema(path, complaints).read()
    except ConfigError as error:
        raise ConfigError(error.problems, again=LINT) from error
    complaints.check()
    return runbook


def has_kind(value: Json, kind: str) -> bool:
    """Whether a value is of a kind of ``KINDS`` (true and false are no numbers)."""
    if isinstance(value, bool):
        return kind == "flag"
    return isinstance(value, KINDS.get(kind, ()))


class _Schema:
    def __init__(self, path: Path, complaints: Complaints) -> None:
        self._path = path
        self._complaints = complaints
        self._reader = Reader(complaints)

    def read(self) -> Runbook:
        root = load_yaml(self._path, str(self._path))
        found = self._reader.fields(
            root, "the runbook", required=("runbook", "stages"), optional=("inputs", "on-failure")
        )
        stages = [self._stage(node) for node in self._reader.items(found.get("stages"), "'stages'")]
        inputs = found.get("inputs")
        return Runbook(
            name=self._reader.name(found.get("runbook"), "'runbook'"),
            inputs=self._inputs(inputs),
            places=inputs.key_places if inputs is not None else {},
            on_failure=self._reader.choice(
                found.get("on-failure"), "'on-failure'", known=ON_FAILURE, default="roll-back"
            ),
            stages=tuple(stage for stage in stages if stage is not None),
        )

    def _inputs(self, node: Node | None) -> dict[str, str]:
        entries = self._reader.entries(node, "'inputs'")
        for name, value in entries.items():
            if name == RESERVED and node is not None:
                self._complaints.add(node.key_places[name], f"an input cannot be called '{RESERVED}'")
            self._reader.choice(value, "kind of input", known=KINDS.keys(), default="text")
        return {name: self._reader.text(value, "a kind", "text") for name, value in entries.items()}

    def _stage(self, node: Node) -> StageDef | None:
        if isinstance(node.value, dict) and "use" in node.value:
            return self._used(node)
        found = self._reader.fields(node, "a stage", required=("stage", "steps"), optional=_WAVED)
        return self._build(found, node, beside=found)

    def _used(self, node: Node) -> StageDef | None:
        found = self._reader.fields(node, "a stage", required=("use",), optional=(*_WAVED, "with"))
        use = self._reader.text(found["use"], "'use'")
        path = self._path.parent / use
        try:
            root = load_yaml(path, str(path))
        except ConfigError as error:
            missing = path if path.is_file() else None
            for problem in error.problems:
                place = problem.place if missing else found["use"].place
                self._complaints.add(place, problem.message, problem.hint)
            return None
        inside = self._reader.fields(root, "a stage file", required=("stage", "steps"), optional=("inputs",))
        given = self._reader.entries(found.get("with"), "'with'")
        stage = self._build(inside, node, beside=found, given=given)
        for key in given.keys() - stage.inputs.keys():
            place = found["with"].key_places[key]
            self._complaints.add(place, unknown(f"input of stage '{stage.name}'", key, stage.inputs))
        return stage

    def _build(
        self,
        found: Mapping[str, Node],
        node: Node,
        *,
        beside: Mapping[str, Node],
        given: Mapping[str, Node] | None = None,
    ) -> StageDef:
        steps = self._reader.items(found.get("steps"), "'steps'")
        return StageDef(
            name=self._reader.name(found.get("stage"), "'stage'"),
            loop=self._loop(beside.get("for-each")),
            needs=self._reader.refs(beside.get("needs"), "'needs'"),
            after=self._reader.refs(beside.get("after"), "'after'"),
            steps=tuple(self._step(step) for step in steps),
            inputs=self._inputs(found.get("inputs")),
            given=given or {},
            waves=self._waves(beside.get("waves")),
            place=node.place,
        )

    def _waves(self, node: Node | None) -> WavesDef | None:
        if node is None:
            return None
        found = self._reader.fields(node, "'waves'", required=("gate", "until"))
        if len(found) < 2:
            return None
        gate, until = (
            Ref(self._reader.name(found[key], f"'{key}'"), found[key].place) for key in ("gate", "until")
        )
        return WavesDef(gate=gate, until=until)

    def _step(self, node: Node) -> StepDef:
        reader = self._reader
        what = _step_words(node)
        found = reader.fields(
            node,
            what,
            required=("id", "do", "deadline"),
            optional=("with", *_BESIDE, "retry", "approve", "final", "pools"),
        )
        do, final = found.get("do"), found.get("final")
        is_final = reader.flag(final, "'final'")
        return StepDef(
            id=reader.name(found.get("id"), "'id'"),
            do=Ref(reader.text(do, "'do'"), do.place if do else node.place),
            values=found.get("with"),
            loop=self._loop(found.get("for-each")),
            needs=reader.refs(found.get("needs"), "'needs'"),
            after=reader.refs(found.get("after"), "'after'"),
            retry=reader.retry(found.get("retry")),
            deadline=reader.duration(found.get("deadline"), "'deadline'", timedelta(minutes=1)),
            approve=found.get("approve"),
            final=final.place if final is not None and is_final else None,
            pools=self._pools(found.get("pools")),
            place=node.place,
        )

    def _loop(self, node: Node | None) -> Loop | None:
        text = self._reader.text(node, "'for-each'")
        if node is None or not text:
            return None
        match = _LOOP.fullmatch(text)
        if match is None:
            hint = "Write `for-each: tenant.databases as database`."
            self._complaints.add(node.place, f"cannot read for-each '{text}'", hint)
            return None
        return Loop(source=match.group(1), name=match.group(2), place=node.place)

    def _pools(self, node: Node | None) -> dict[str, tuple[int, Place]]:
        entries = self._reader.entries(node, "'pools'")
        places = node.key_places if node is not None else {}
        return {
            name: (self._reader.count(value, "the tokens of a pool", 1), places[name])
            for name, value in entries.items()
        }


def _step_words(node: Node) -> str:
    if isinstance(node.value, dict) and "id" in node.value and isinstance(node.value["id"].value, str):
        return f"step '{node.value['id'].value}'"
    return "a step"
