"""One signed file that proves a run: its report, every record of its journal, and what ties them together.

Whoever has a site's public key computes all of it again: the chain of records, the report from them, the
hash tree of what each client may see. The file is for auditors; a client gets an extract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from drp.dataplane import keys
from drp.engine.journal import DamagedJournalError, JournalError, Record, check_chain, hash_of
from drp.errors import VerificationError
from drp.model.plan import canonical
from drp.model.values import Json, JsonMap, Secret
from drp.reports import extract, signed
from drp.reports.building import build_report
from drp.reports.facts import map_of, text_of
from drp.reports.model import Report, TenantReport
from drp.reports.tree import Tree, derive

KIND: Final = "drp evidence"
PURPOSE: Final = "drp evidence 1"
_SEED: Final = "drp evidence seed 1"
"""Purpose of a signature that is never shown: it is the seed of a run's salts, the same each time."""


class Evidence:
    """What is signed of one run, by one key; the same bytes each time."""

    def __init__(self, records: Sequence[Record], private: Secret) -> None:
        """Raises JournalError when the records are no run."""
        self._records = records
        self._private = private
        self.report = build_report(records)
        secret = keys.sign(private, _SEED, f"{self.report.run} {self.report.head}".encode())
        self._seed = hashlib.sha256(secret).digest()
        self._tree = build_tree(self._seed, self.report)
        self._statement = build_statement(self._seed, self.report, self._tree)
        self._proof = signed.sign(private, extract.STATEMENT, self._statement).to_json()

    def write(self) -> bytes:
        """The file for auditors."""
        stored = [record.to_bytes() for record in self._records]
        hashes: list[Json] = [hash_of(each) for each in stored]
        records: list[Json] = [record.to_json() for record in self._records]
        body: JsonMap = {
            "kind": KIND,
            "format": 1,
            "report": self.report.to_json(),
            "records": records,
            "hashes": hashes,
            "seed": self._seed.hex(),
            "statement": self._statement,
            "proof": self._proof,
        }
        return signed.write(self._private, PURPOSE, body)

    def extract(self, tenant: str) -> bytes:
        """The file for one client. Raises KeyError when the run was not for that tenant."""
        found = next((each for each in self.report.tenants if each.tenant == tenant), None)
        if found is None:
            raise KeyError(tenant)
        return extract.write_extract(
            self._private,
            leaf=extract.build_leaf(self._seed, self.report, found),
            path=self._tree.path(tenant),
            statement=self._statement,
            proof=self._proof,
        )


def build_tree(seed: bytes, report: Report) -> Tree:
    return Tree(seed, {each.tenant: _leaf(seed, report, each) for each in report.tenants})


def _leaf(seed: bytes, report: Report, tenant: TenantReport) -> bytes:
    return canonical(extract.build_leaf(seed, report, tenant))


def build_statement(seed: bytes, report: Report, tree: Tree) -> JsonMap:
    """What all files about a run share; nothing can be guessed from its hashes, the seed salts them."""
    whole: JsonMap = {"salt": derive(seed, "report").hex(), "report": report.to_json()}
    head = derive(seed, "head", report.head).hex()
    return {
        "format": 1,
        "run": report.run,
        "report": hashlib.sha256(canonical(whole)).hexdigest(),
        "head": head,
        "root": tree.root,
    }


def verify(content: bytes, trusted: signed.Keys) -> tuple[JsonMap, list[str]]:
    """The body of an evidence or an extract, and everything that is wrong with it; [] when it holds."""
    try:
        body, signature, reasons = signed.read(content)
    except VerificationError as error:
        return {}, [error.message]
    try:
        if body["kind"] == extract.KIND:
            return body, [*reasons, *extract.find_damages(body, signature, trusted)]
        return body, [*reasons, *_find_damages(body), *signed.complain(signature, PURPOSE, body, trusted)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return body, [*reasons, f"a part of it is missing or of another kind: {error}"]


def read_records(body: JsonMap) -> list[bytes]:
    """The records of an evidence, as they were stored."""
    records = body["records"]
    return [canonical(record) for record in records] if isinstance(records, list) else []


def _find_damages(body: JsonMap) -> list[str]:
    """What does not follow from the records, and which records are not those that were signed."""
    stored, hashes = read_records(body), body["hashes"]
    reasons = _find_altered(stored, hashes if isinstance(hashes, list) else [])
    try:
        records = [*check_chain(stored, text_of(map_of(body["statement"]).get("run")))]
        report = build_report(records)
    except DamagedJournalError as error:
        return [*reasons, error.message]
    except JournalError as error:
        return [*reasons, f"the records are no run: {error.message}"]
    if (found := report.to_json()) != body["report"]:
        reasons.append(f"the report is not that of the records: {_find_difference(found, body['report'])}")
    seed = bytes.fromhex(str(body["seed"]))
    if build_statement(seed, report, build_tree(seed, report)) != body["statement"]:
        reasons.append("the statement is not that of the report")
    return reasons


def _find_altered(stored: Sequence[bytes], hashes: Sequence[Json]) -> list[str]:
    """Numbers of records that are not the ones that were hashed; a cut or moved one shows at its place."""
    if len(stored) != len(hashes):
        return [f"it has {len(stored)} records and {len(hashes)} hashes of records"]
    pairs = enumerate(zip(stored, hashes, strict=True), start=1)
    wrong = [number for number, (record, hash_) in pairs if hash_of(record) != hash_]
    return [f"record {number} is not the one that was hashed" for number in wrong[:3]]


def _find_difference(wanted: Json, found: Json, at: str = "report") -> str:
    """Where two values differ first."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name) != found.get(name):
                return _find_difference(wanted.get(name), found.get(name), f"{at}.{name}")
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (left, right) in enumerate(zip(wanted, found, strict=True)):
            if left != right:
                return _find_difference(left, right, f"{at}[{number}]")
    return at
