"""The bundle: written whole, signed, free of open secrets, and enough to plan a failover from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from drp.cli.status_text import render_status
from drp.commands.bundle.fetching import get_bundle
from drp.commands.bundle.keeping import keep_bundle
from drp.commands.bundle.making import make_bundle
from drp.commands.bundle.stored import LISTS, PARTS, list_bundles, load_bundle
from drp.commands.bundle.verifying import verify_bundle
from drp.commands.check.bundles import look_at_bundles
from drp.commands.check.survey import Survey
from drp.commands.controller.bundles import BundleChore
from drp.commands.desk import Folders, Workshop
from drp.commands.status import Observer
from drp.config.load import load_inventory
from drp.errors import RefusedError, VerificationError
from drp.model.inventory import SecretRef
from drp.model.policies import BundlePolicy
from drp.runbooks.schema import load_runbook
from drp.testing.company import image_id
from drp.testing.objects import FakeObjects
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


STORES = ("backups", "witness")


@pytest.fixture
def keeping(workshop: Workshop, tmp_path: Path) -> Workshop:
    """The same company; it wants a bundle in two stores."""
    policies = replace(workshop.inventory.policies, bundle=BundlePolicy(stores=STORES, keep=2))
    inventory = replace(workshop.inventory, policies=policies)
    workshop.ports.inventory = inventory  # type: ignore[misc]
    for site, signer in inventory.signers.items():
        (tmp_path / "config" / "keys" / f"{site}.signer.pub").write_text(f"{signer.public}\n")
    folders = Folders(config=tmp_path / "config", runbooks=RUNBOOKS)
    return replace(workshop, inventory=inventory, folders=folders)


def objects(workshop: Workshop, name: str = "witness") -> FakeObjects:
    found = workshop.ports.store(name)
    assert isinstance(found, FakeObjects)
    return found


def advance(workshop: Workshop, duration: timedelta) -> None:
    workshop.ports.clock.wait(duration)


def test_a_stored_bundle_comes_whole_onto_a_machine_that_knows_nothing(
    keeping: Workshop, tmp_path: Path
) -> None:
    keep_bundle(keeping, tmp_path / "state")
    found = get_bundle(objects(keeping), tmp_path / "new")
    assert found.ending.code == 0
    assert "nobody vouches for the keys" in found.lines[0]
    fetched = load_inventory(tmp_path / "new" / "config")
    assert fetched.digest == load_inventory(tmp_path / "config").digest
    assert load_runbook(tmp_path / "new" / "runbooks" / "failover.yml")
    assert (tmp_path / "new" / "images" / f"{image_id('api').removeprefix('sha256:')}.tar").stat().st_size
    keys = str(found.data["keys"])
    assert get_bundle(objects(keeping, "backups"), tmp_path / "again", keys=keys).lines == ()
    assert not [*(tmp_path / "state").glob("bundle-*")]


def test_images_are_saved_and_put_once_and_old_bundles_go(keeping: Workshop, tmp_path: Path) -> None:
    keep_bundle(keeping, tmp_path / "state")
    saved = [*keeping.ports.host("h1").calls]  # type: ignore[attr-defined]
    for _ in range(3):
        advance(keeping, timedelta(hours=1))
        keep_bundle(keeping, tmp_path / "state")
    again = keeping.ports.host("h1").calls[len(saved) :]  # type: ignore[attr-defined]
    assert ("save_image" in saved, "save_image" in again) == (True, False)
    assert len(list_bundles(objects(keeping))) == 2
    named = {
        part
        for each in list_bundles(objects(keeping))
        for parts in load_bundle(objects(keeping), each).parts.values()
        for part in parts
    }
    assert {key.removeprefix(PARTS) for key in objects(keeping).list(PARTS)} == named
    assert get_bundle(objects(keeping), tmp_path / "new").data["damages"] == []


@pytest.mark.failure_mode("D1")
@pytest.mark.parametrize("damage", ["missing", "altered", "cut list", "foreign list", "swapped file"])
def test_what_is_damaged_in_the_store_leaves_nothing_behind(
    keeping: Workshop, tmp_path: Path, damage: str
) -> None:
    keep_bundle(keeping, tmp_path / "state")
    content = objects(keeping).content
    part, listed = objects(keeping).list(PARTS)[0], f"{LISTS}{list_bundles(objects(keeping))[0]}.json"
    if damage == "missing":
        del content[part]
    elif damage == "altered":
        content[part] = b"x" + content[part][1:]
    elif damage == "cut list":
        content[listed] = content[listed][:-9]
    else:
        whole = json.loads(content[listed])
        name = "../outside" if damage == "foreign list" else "README.md"
        whole["parts"] = {**whole["parts"], name: whole["parts"]["witness.json"]}
        content[listed] = json.dumps(whole).encode()
    with pytest.raises(VerificationError):
        get_bundle(objects(keeping), tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("new", "outside"))] == []


def test_another_companys_keys_are_not_believed(keeping: Workshop, tmp_path: Path) -> None:
    keep_bundle(keeping, tmp_path / "state")
    with pytest.raises(VerificationError, match="wanted 0000000000000000"):
        get_bundle(objects(keeping), tmp_path / "new", keys="0" * 16)
    stranger = load_inventory(tmp_path / "config")
    other = {site: replace(each, public="A" * 43 + "=") for site, each in stranger.signers.items()}
    with pytest.raises(VerificationError):
        get_bundle(objects(keeping), tmp_path / "new", known=replace(stranger, signers=other))
    assert not (tmp_path / "new").exists()


def test_a_store_that_fails_is_named_and_the_other_has_its_bundle(keeping: Workshop, tmp_path: Path) -> None:
    objects(keeping, "backups").denied = frozenset({"put_once"})
    found = keep_bundle(keeping, tmp_path / "state")
    assert found.ending.code == 9
    assert any("put_once" in line for line in found.lines)
    assert (list_bundles(objects(keeping, "backups")), len(list_bundles(objects(keeping)))) == ([], 1)


def test_the_controller_renews_them_and_a_check_says_when_not(keeping: Workshop, tmp_path: Path) -> None:
    chore = BundleChore(replace(Bench(tmp_path / "state").desk(), clock=keeping.ports.clock), keeping)
    assert chore.refresh() == "bundle put into backups, witness"
    assert chore.refresh() == ""
    advance(keeping, timedelta(hours=1))
    assert chore.refresh() == "bundle put into backups, witness"
    watching = Observer(keeping.ports, tmp_path / "state", is_alive=keeping.is_alive)
    advance(keeping, timedelta(minutes=5))
    assert "bundles  backups 5m00s old, witness 5m00s old" in render_status(watching.status(""), UTC)
    advance(keeping, timedelta(hours=3) - timedelta(minutes=5))
    assert "! bundle   witness: 3h00m old, alarm at 2h00m   drp bundle put" in render_status(
        watching.status(""), UTC
    )
    survey = Survey(keeping.ports, is_alive=keeping.is_alive)
    (first, _) = [look.do() for look in look_at_bundles(survey)]
    assert first is not None
    assert "the newest is 3h00m old, alarm at 2h00m" in first.message
