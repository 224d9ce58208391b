"""``drp evidence``: write what proves a run, and hold such a file against the keys that are trusted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drp.commands.desk import Workshop
from drp.commands.endings import DONE, FINDINGS
from drp.commands.report import write_whole
from drp.commands.results import Listing
from drp.engine.journal import Record
from drp.errors import RefusedError, UsageError, VerificationError
from drp.model.inventory import Inventory
from drp.model.values import Json, JsonMap, Secret, render_list
from drp.reports import extract, signed
from drp.reports.evidence import Evidence, read_records
from drp.reports.evidence import verify as find_damages
from drp.reports.facts import map_of


def open_evidence(workshop: Workshop, records: Sequence[Record]) -> Evidence:
    """Signed with the first site's key, as a bundle is. Raises what the secret's source raises."""
    return Evidence(records, _signing_key(workshop))


def _signing_key(workshop: Workshop) -> Secret:
    signer = next(iter(workshop.inventory.signers.values()))
    return workshop.ports.secret(signer.private)


def write_evidence(workshop: Workshop, records: Sequence[Record], out: Path) -> str:
    """The file for auditors; a line that says so. Raises RefusedError when it cannot be written."""
    write_whole(out, open_evidence(workshop, records).write())
    return f"  {'signed':<11} {out}: hold it against the keys with `drp evidence verify {out}`"


def write_extract(workshop: Workshop, records: Sequence[Record], *, tenant: str, out: Path) -> Listing:
    """The file for one client. Raises RefusedError: the run was not for it, the file cannot be written."""
    evidence = open_evidence(workshop, records)
    try:
        content = evidence.extract(tenant)
    except KeyError as error:
        known = render_list(sorted(each.tenant for each in evidence.report.tenants))
        raise RefusedError(
            f"cannot extract '{tenant}': {evidence.report.run} was not for it",
            state="nothing was written",
            hint=f"It was for {known}.",
        ) from error
    write_whole(out, content)
    return Listing(
        lines=(),
        data={"run": evidence.report.run, "tenant": tenant, "file": str(out), "bytes": len(content)},
        summary=f"✓ {out}: {tenant}'s part of {evidence.report.run}, signed; nothing of others is in it",
    )


def trust(inventory: Inventory | None, given: Iterable[str]) -> dict[str, bytes]:
    """Keys by their ids: those that were given (base64, as in the configuration), else the configured ones.

    Raises UsageError for what is no key.
    """
    configured = [signer.public for signer in inventory.signers.values()] if inventory else []
    return {signed.id_of(public): public for public in map(_decode, [*given] or configured)}


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise UsageError(
            f"cannot read key '{text}': it is not base64",
            hint="A site's `public` key stands in the configuration.",
        ) from error


def verify(file: Path, trusted: signed.Keys, *, journal: Sequence[Record] | None = None) -> Listing:
    """Everything computed again. ``journal``: what is known here of that run, to be the same.

    Ends with ``findings`` when anything is not as it was signed. Raises RefusedError: no file.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RefusedError(
            f"cannot verify '{file}': {error.strerror}",
            hint="Write one with `drp report RUN --evidence FILE`.",
        ) from error
    body, damages = find_damages(content, trusted)
    if journal is not None and not damages:
        damages = _compare(read_records(body), [record.to_bytes() for record in journal])
    what, view = _describe(body), {} if damages else _view_of(body)
    keys = render_list(sorted(trusted)) or "none"
    data: JsonMap = {"file": str(file), "holds": what, "damages": [*damages], "keys": [*sorted(trusted)]}
    return Listing(
        lines=(*(f"✗ {damage}" for damage in damages), *_tell(view)),
        data=data | ({"view": view} if view else {}),
        summary=f"✗ {file}: not to be trusted; keys {keys}" if damages else f"✓ {file}: {what}; keys {keys}",
        ending=FINDINGS if damages else DONE,
    )


def run_of(file: Path) -> str:
    """Which run a file says it is about, before anything of it is believed; "" when it does not say."""
    try:
        body, _, _ = signed.read(file.read_bytes())
    except (OSError, VerificationError):
        return ""
    return str(map_of(body.get("statement")).get("run", ""))


def _compare(theirs: Sequence[bytes], ours: Sequence[bytes]) -> list[str]:
    """The run may have gone on since; what was signed must be its begin."""
    if not theirs:
        return ["it holds no records to be held against the journal"]
    for number, record in enumerate(theirs, start=1):
        if number > len(ours):
            return [f"the journal here ends before record {number}"]
        if ours[number - 1] != record:
            return [f"record {number} is not the one in the journal here"]
    return []


def _view_of(body: JsonMap) -> JsonMap:
    """What an extract says; {} of an evidence."""
    return map_of(map_of(body.get("leaf")).get("view")) if body.get("kind") == extract.KIND else {}


def _tell(view: JsonMap) -> Iterator[str]:
    """A client's part in words."""
    for name, value in view.items():
        for part in value if isinstance(value, list) else [value]:
            yield f"  {name:<13} {_word(part)}"


def _word(value: Json) -> str:
    if not isinstance(value, dict):
        return "yes" if value is True else str(value)
    parts = [f"{name} {_word(part)}" for name, part in value.items() if name != "what"]
    told = [str(value["what"])] if "what" in value else []
    return ": ".join([*told, *([", ".join(parts)] if parts else [])])


def _describe(body: JsonMap) -> str:
    if view := _view_of(body):
        return f"{view.get('tenant')}'s part of {view.get('run')}, as signed"
    records, run = body.get("records"), map_of(body.get("statement")).get("run", "no run")
    return f"{run}: {len(records) if isinstance(records, list) else 0} records and their report, as signed"
