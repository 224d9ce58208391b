"""What a journal holds, taken out of its JSON with care: an older one may lack any of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drp.engine.journal import Record
from drp.model.values import Json, JsonMap


def header_of(records: Sequence[Record]) -> JsonMap:
    """What the first record holds beside the plan."""
    return map_of(records[0].data.get("header"))


def find_judgement(records: Sequence[Record]) -> JsonMap:
    """What was seen at the end; {} when the run went on after it, or nobody looked."""
    last: JsonMap = {}
    for record in records:
        if record.kind == "judged":
            last = map_of(record.data.get("report"))
        elif record.kind in ("resumed", "ended"):
            last = {}
    return last


def find_end(records: Sequence[Record]) -> datetime:
    """When the run ended last; the moment of the last record while it has not."""
    ends = [record.time for record in records if record.kind == "ended"]
    return ends[-1] if ends and records[-1].kind in ("ended", "judged") else records[-1].time


def map_of(value: Json) -> JsonMap:
    return value if isinstance(value, dict) else {}


def maps_of(value: Json) -> list[JsonMap]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def text_of(value: Json) -> str:
    return value if isinstance(value, str) else ""


def number_of(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment_of(value: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
