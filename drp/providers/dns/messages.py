"""Pure half of RFC 2136: record sets to and from wire types, updates with prerequisites."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update
from dns.rdtypes.nsbase import NSBase

from drp.errors import (
    ConflictError,
    DeniedError,
    ProviderError,
    RejectedError,
    UnreachableError,
)
from drp.ports.dns import RecordSet

# A prerequisite that does not hold (RFC 2136 section 3.2.5)
_CONFLICTS = frozenset({dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN, dns.rcode.NXRRSET, dns.rcode.YXRRSET})


def parse_name(text: str) -> dns.name.Name:
    """A name written without its final dot."""
    return dns.name.from_text(text, dns.name.root)


def build_query(name: str, record_type: str) -> dns.message.QueryMessage:
    """A question to an authoritative server: recursion is not desired."""
    return dns.message.make_query(parse_name(name), record_type, flags=0)


def parse_answer(answer: dns.message.Message, name: str, record_type: str) -> RecordSet | None:
    """The record set in an answer, or None. Raises ProviderError when the answer is no authoritative one."""
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise translate_rcode(answer.rcode(), f"cannot read {record_type} records of '{name}'")
    if not answer.flags & dns.flags.AA:
        raise RejectedError(
            f"cannot read {record_type} records of '{name}': the server has no authority for it"
        )
    kind = dns.rdatatype.from_text(record_type)
    found = answer.get_rrset(answer.answer, parse_name(name), dns.rdataclass.IN, kind)
    return None if found is None else _to_record_set(name, found)


def add_change(update: dns.update.UpdateMessage, old: RecordSet | None, new: RecordSet | None) -> None:
    """Put into ``update``: only when ``old`` is exactly what is there, ``new`` takes its place."""
    if old is not None:
        update.present(parse_name(old.name), *_to_rdata(old))
        update.delete(parse_name(old.name), old.type)
    if new is not None:
        _require_room(update, old, new)
        for record in _to_rdata(new):
            update.add(parse_name(new.name), new.ttl, record)


def normalise(records: RecordSet) -> RecordSet:
    """The same records as an answer would spell them."""
    values = tuple(sorted(_to_text(record) for record in _to_rdata(records)))
    return RecordSet(name=records.name, type=records.type, ttl=records.ttl, values=values)


def translate_rcode(rcode: dns.rcode.Rcode, what: str) -> ProviderError:
    """The error for an answer code that is not NOERROR; ``what`` begins the message."""
    said = dns.rcode.to_text(rcode)
    if rcode in _CONFLICTS:
        return ConflictError(f"{what}: the records are not those read before ({said})")
    if rcode == dns.rcode.REFUSED:
        return DeniedError(f"{what}: the name server refused ({said})")
    if rcode == dns.rcode.SERVFAIL:
        return UnreachableError(f"{what}: the name server failed ({said})")
    return RejectedError(f"{what}: the name server said {said}")


def _require_room(update: dns.update.UpdateMessage, old: RecordSet | None, new: RecordSet) -> None:
    # BIND answers NOERROR and does nothing when a CNAME meets other records, so their absence is demanded
    name = parse_name(new.name)
    replaced = old.type if old is not None and old.name == new.name else None
    if new.type == "CNAME" and replaced is None:
        update.absent(name)
    elif replaced != new.type:
        update.absent(name, new.type)
    if new.type != "CNAME" and replaced != "CNAME":
        update.absent(name, "CNAME")


def _to_rdata(records: RecordSet) -> list[dns.rdata.Rdata]:
    return [
        dns.rdata.from_text("IN", records.type, value, origin=dns.name.root, relativize=False)
        for value in records.values
    ]


def _to_record_set(name: str, found: dns.rrset.RRset) -> RecordSet:
    return RecordSet(
        name=name,
        type=dns.rdatatype.to_text(found.rdtype),
        ttl=found.ttl,
        values=tuple(sorted(_to_text(record) for record in found)),
    )


def _to_text(record: dns.rdata.Rdata) -> str:
    if isinstance(record, NSBase):  # CNAME, NS, PTR: one name
        return record.target.to_text(omit_final_dot=True).lower()
    return record.to_text()
