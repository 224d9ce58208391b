"""Proofs of drills in the witness."""

from __future__ import annotations

from drp.testing.objects import FakeObjects
from drp.witness.proofs import Proof, ProofReader, ProofWriter


def build_proof(run: str = "drill-1", *, at: str = "2031-03-04T05:00:00+00:00", ok: bool = True) -> Proof:
    return Proof(
        tenant="acme",
        run=run,
        site="dc5",
        host="h3",
        backup="b1",
        backup_began="2031-03-04T04:00:00+00:00",
        at=at,
        ok=ok,
        reason="" if ok else "documents differ",
        documents=3,
        digest="ab",
        rpo_s=3600.0,
        figures={"logins": 2},
    )


def test_a_proof_is_read_as_it_was_put() -> None:
    store = FakeObjects()
    proof = build_proof()
    ProofWriter(store).put(proof)
    assert ProofReader(store).find_newest("acme") == proof
    assert ProofReader(store).find_newest("globex") is None


def test_the_newest_counts_whichever_run_it_is_of() -> None:
    store = FakeObjects()
    writer = ProofWriter(store)
    good = build_proof("drill-z", at="2031-03-04T05:00:00+00:00")
    bad = build_proof("drill-a", at="2031-03-04T07:00:00+02:00", ok=False)
    later = build_proof("drill-b", at="2031-03-04T06:00:00+00:00", ok=False)
    for proof in (later, good, bad):
        writer.put(proof)
    assert [proof.run for proof in writer.iter("acme")] == ["drill-b", "drill-z", "drill-a"]
    assert writer.find_newest("acme") == later
    assert writer.find_newest_good("acme") == good


def test_a_run_that_puts_it_again_changes_nothing() -> None:
    store = FakeObjects()
    writer = ProofWriter(store)
    first = writer.put(build_proof())
    assert writer.put(build_proof(ok=False)) == first
    assert writer.find_newest("acme") == first
