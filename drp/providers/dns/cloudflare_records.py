"""Pure half of Cloudflare: its records to and from record sets, changes as operations on ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drp.errors import ConflictError, RejectedError
from drp.model.values import Json, JsonMap
from drp.ports.dns import Change, RecordSet
from drp.providers.dns.messages import normalise
from drp.providers.dns.pieces import describe

AUTOMATIC: Final = 1
AUTOMATIC_S: Final = 300
"""What clients are told of a record whose TTL is 1, "automatic"."""

CHANGED: Final = frozenset({"A", "AAAA", "CNAME", "TXT"})
"""Types of which ``content`` is the whole value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record; ``name`` without final dot, ``ttl`` as Cloudflare holds it."""

    id: str
    name: str
    type: str
    content: str
    ttl: int
    proxied: bool

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Entry:
        """From an answer of the API. Raises KeyError, TypeError or ValueError for another shape."""
        return cls(
            id=str(data["id"]),
            name=str(data["name"]).lower(),
            type=str(data["type"]),
            content=str(data["content"]),
            ttl=int(data["ttl"]),
            proxied=bool(data.get("proxied", False)),
        )


@dataclass(frozen=True, slots=True)
class Operations:
    """One change: records deleted (ids), changed in place, and added; each list as the API takes it."""

    change: Change
    deletes: tuple[JsonMap, ...] = ()
    patches: tuple[JsonMap, ...] = ()
    posts: tuple[JsonMap, ...] = ()

    @property
    def size(self) -> int:
        return len(self.deletes) + len(self.patches) + len(self.posts)


def build_batch(operations: Sequence[Operations]) -> JsonMap:
    """The body of one batch."""
    lists: dict[str, list[Json]] = {
        "deletes": [each for one in operations for each in one.deletes],
        "patches": [each for one in operations for each in one.patches],
        "posts": [each for one in operations for each in one.posts],
    }
    return {name: found for name, found in lists.items() if found}


def to_record_set(entries: Sequence[Entry], name: str, record_type: str) -> RecordSet | None:
    """The records of a name and type, spelled as a name server would."""
    found = _of(entries, name, record_type)
    if not found:
        return None
    ttl = AUTOMATIC_S if found[0].ttl == AUTOMATIC else found[0].ttl
    values = tuple(sorted(_content(each) for each in found))
    made = RecordSet(name=name, type=record_type, ttl=ttl, values=values)
    return normalise(made) if record_type in CHANGED else made


def plan_change(entries: Sequence[Entry], change: Change, *, zone: str, least_ttl: int) -> Operations:
    """What to do so that the change happens to ``entries``, all records of its names.

    Raises ConflictError when they are not those read before, RejectedError when it cannot be done here.
    """
    old, new = change
    what = describe([change])
    _check_possible(change, what, zone=zone, least_ttl=least_ttl)
    there = _of(entries, old.name, old.type) if old is not None else []
    if old is not None:
        found = to_record_set(entries, old.name, old.type)
        if found is None or found.values != normalise(old).values:
            raise ConflictError(f"{what}: its {old.type} records are not those read before")
    if any(entry.proxied for entry in there):
        raise RejectedError(
            f"{what}: Cloudflare proxies it, so DNS does not tell where it leads",
            hint="Set the record to `DNS only` at Cloudflare, then `drp check dns`.",
        )
    if new is not None:
        _require_room([entry for entry in entries if entry not in there], new, what)
    return _exchange(change, there)


def _check_possible(change: Change, what: str, *, zone: str, least_ttl: int) -> None:
    old, new = change
    for each in (old, new):
        if each is not None and each.type not in CHANGED:
            raise RejectedError(f"{what}: drp changes no {each.type} records at Cloudflare")
    if new is None:
        return
    # the API would take it for a name relative to the zone
    if new.name != zone and not new.name.endswith(f".{zone}"):
        raise RejectedError(f"{what}: it is not in zone '{zone}'")
    if new.ttl < least_ttl:
        raise RejectedError(
            f"{what}: the plan of zone '{zone}' allows no TTL below {least_ttl} s, asked for {new.ttl} s",
            hint="Raise `ttl` and `move-ttl` of the zone, then `drp check dns`.",
        )


def _require_room(others: Sequence[Entry], new: RecordSet, what: str) -> None:
    kinds = {entry.type for entry in others if entry.name == new.name.lower()}
    if new.type in kinds or "CNAME" in kinds or (new.type == "CNAME" and kinds):
        raise ConflictError(f"{what}: there are {', '.join(sorted(kinds))} records already")


def _exchange(change: Change, there: Sequence[Entry]) -> Operations:
    """In place where name and type stay: a record that is deleted and added again is missing for a moment."""
    old, new = change
    if new is None:
        return Operations(change, deletes=tuple(_id(entry) for entry in there))
    wanted = [*normalise(new).values]
    if old is None or (old.name, old.type) != (new.name, new.type):
        posts = tuple(_fields(new, value) for value in wanted)
        return Operations(change, deletes=tuple(_id(entry) for entry in there), posts=posts)
    by_value = {normalise(_alone(old, entry)).values[0]: entry for entry in there}
    kept = {value: by_value[value] for value in wanted if value in by_value}
    free = [entry for entry in there if entry not in kept.values()]
    missing = [value for value in wanted if value not in kept]
    pairs = [*kept.items(), *zip(missing, free, strict=False)]
    return Operations(
        change,
        deletes=tuple(_id(entry) for entry in free[len(missing) :]),
        patches=tuple({**_id(entry), **_fields(new, value)} for value, entry in pairs),
        posts=tuple(_fields(new, value) for value in missing[len(free) :]),
    )


def _alone(records: RecordSet, entry: Entry) -> RecordSet:
    return RecordSet(name=records.name, type=records.type, ttl=records.ttl, values=(_content(entry),))


def _fields(records: RecordSet, value: str) -> JsonMap:
    # all of them: comment and tags are a person's, and a patch leaves them as they are
    return {
        "name": records.name,
        "type": records.type,
        "content": value,
        "ttl": records.ttl,
        "proxied": False,
    }


def _id(entry: Entry) -> JsonMap:
    return {"id": entry.id}


def _of(entries: Sequence[Entry], name: str, record_type: str) -> list[Entry]:
    return [entry for entry in entries if entry.name == name.lower() and entry.type == record_type]


def _content(entry: Entry) -> str:
    # texts that were put in long ago have no quotes
    bare = entry.type == "TXT" and not entry.content.startswith('"')
    return '"' + entry.content.replace("\\", "\\\\").replace('"', '\\"') + '"' if bare else entry.content
