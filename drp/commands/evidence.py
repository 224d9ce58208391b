"""``drp evidence``: write what proves a run, and hold such a file against the keys that are trusted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
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
    what = _describe(body)
    keys = render_list(sorted(trusted)) or "none"
    return Listing(
        lines=tuple(f"✗ {damage}" for damage in damages),
        data={"file": str(file), "holds": what, "damages": [*damages], "keys": [*sorted(trusted)]},
        summary=f"✗ {file}: not to be trusted; keys {keys}" if damages else f"✓ {file}: {what}; keys {keys}",
        ending=FINDINGS if damages else DONE,
    )


def run_of(file: Path) -> str:
    """Which run a file says it is about, before anything of it is believed; "" when it does not say."""
    try:
        body, _, _ = signed.read(file.read_bytes())
    except (OSError, VerificationError):
        return ""
    statement = body.get("statement")
    return str(statement.get("run", "")) if isinstance(statement, dict) else ""


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


def _describe(body: JsonMap) -> str:
    leaf: Json = body.get("leaf")
    if body.get("kind") == extract.KIND and isinstance(leaf, dict) and isinstance(leaf.get("view"), dict):
        view = leaf["view"]
        assert isinstance(view, dict)
        return f"{view.get('tenant')}'s part of {view.get('run')}, as signed"
    records = body.get("records")
    statement = body.get("statement")
    run = statement.get("run") if isinstance(statement, dict) else "no run"
    return f"{run}: {len(records) if isinstance(records, list) else 0} records and their report, as signed"
