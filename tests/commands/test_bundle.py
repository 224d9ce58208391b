"""The bundle: written whole, signed, free of open secrets, and enough to plan a failover from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.commands.bundle.making import make_bundle
from drp.commands.bundle.verifying import verify_bundle
from drp.commands.desk import Workshop
from drp.config.load import load_inventory
from drp.errors import RefusedError
from drp.model.inventory import SecretRef
from drp.runbooks.schema import load_runbook
from drp.testing.company import image_id
from tests.actions.runs import RUNBOOKS
from tests.commands.bench import Bench
from tests.config.folder import Folder


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """dc3 serves acme; the configuration's files lie in ``config``, one of them holds an open secret."""
    folder = Folder(tmp_path / "config")
    folder.write("open.pem", "not to be copied")
    (tmp_path / "config" / "secrets.sealed").write_bytes(b"sealed")
    found = Bench(tmp_path / "state").workshop
    dns = replace(found.inventory.dns, key=SecretRef(kind="file", name=str(tmp_path / "config" / "open.pem")))
    return replace(found, inventory=replace(found.inventory, dns=dns))


def test_a_bundle_is_whole_and_opens_no_secret(workshop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    found = make_bundle(workshop, tmp_path / "config", RUNBOOKS, out, images=True)
    assert found.ending.word == "partial"
    assert found.lines == (f"! left out: secret file '{tmp_path / 'config' / 'open.pem'}' is not sealed",)
    assert (out / "config" / "secrets.sealed").read_bytes() == b"sealed"
    assert not (out / "config" / "open.pem").exists()
    assert (out / "images" / f"{image_id('api').removeprefix('sha256:')}.tar").stat().st_size
    assert load_inventory(out / "config").digest == load_inventory(tmp_path / "config").digest
    assert load_runbook(out / "runbooks" / "failover.yml")
    assert verify_bundle(out, workshop.inventory).ending.code == 0
    with pytest.raises(RefusedError, match="it exists"):
        make_bundle(workshop, tmp_path / "config", RUNBOOKS, out, images=False)


def test_what_was_altered_added_or_lost_is_named(workshop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    make_bundle(workshop, tmp_path / "config", RUNBOOKS, out, images=False)
    assert not (out / "images").exists()
    (out / "witness.json").write_text("{}")
    (out / "extra").write_text("x")
    (out / "README.md").unlink()
    found = verify_bundle(out, workshop.inventory)
    assert found.ending.code == 11
    assert found.lines == (
        "✗ README.md is missing",
        "✗ extra is not in the signed list",
        "✗ witness.json is not what was signed",
    )
    (out / "MANIFEST.json").write_text('{"body": {}, "signature": {"site": "dc3", "ed25519": "AAAA"}}')
    assert verify_bundle(out, workshop.inventory).ending.code == 11


def test_an_image_that_no_host_gives_is_named(workshop: Workshop, tmp_path: Path) -> None:
    own = replace(workshop.inventory.images, edge=image_id("lost"))
    workshop = replace(workshop, inventory=replace(workshop.inventory, images=own))
    found = make_bundle(workshop, tmp_path / "config", RUNBOOKS, tmp_path / "bundle", images=True)
    assert any(f"image {image_id('lost')}" in line for line in found.lines)
    assert verify_bundle(tmp_path / "bundle", workshop.inventory).ending.code == 0
