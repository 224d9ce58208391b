from __future__ import annotations

from drp.config.load import load_inventory
from drp.config.needed import MADE_BY_DRP, missing_secrets, needed_secrets, new_random, new_token
from drp.config.sealed import SealedContent, SealedEntry
from drp.model.values import Secret
from tests.config.folder import Folder


def test_all_references_are_found_with_their_purpose(folder: Folder) -> None:
    needed = needed_secrets(load_inventory(folder.path))

    assert [(str(each.ref), each.purpose, each.owner) for each in needed] == [
        ("sealed:h1", "engine", "h1"),
        ("sealed:h2", "engine", "h2"),
        ("sealed:h3", "engine", "h3"),
        ("sealed:backups", "store", "backups"),
        ("sealed:keys", "store", "keys"),
        ("sealed:witness", "store", "witness"),
        ("sealed:tsig", "zone", "main"),
        ("sealed:dc3.signer", "signer", "dc3"),
        ("sealed:dc5.signer", "signer", "dc5"),
        ("sealed:guards", "guards", "guards"),
        ("sealed:acme.tls", "certificate", "acme"),
        ("sealed:acme.root", "root", "acme"),
        ("sealed:acme.token", "token", "acme"),
        ("sealed:acme.backup", "backup", "acme"),
    ]
    assert {each.rotation for each in needed if each.purpose == "token"} == {"overlap"}
    assert [each.owner for each in needed if each.purpose in MADE_BY_DRP] == [
        "dc3",
        "dc5",
        "guards",
        *["acme"] * 3,
    ]


def test_a_zone_at_cloudflare_needs_its_token(folder: Folder) -> None:
    folder.replace("drp.yml", "rfc2136", "cloudflare")
    inventory = load_inventory(folder.path)

    assert ("sealed:cloudflare", "zone") in [(str(n.ref), n.purpose) for n in needed_secrets(inventory)]
    assert (inventory.dns.kind, inventory.dns.ttl, inventory.dns.move_ttl) == ("cloudflare", 300, 60)


def test_what_is_not_in_the_file_is_missing(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", "    token: env:TOKEN\n    disk")
    needed = needed_secrets(load_inventory(folder.path))
    there = {each.ref.name: SealedEntry(value=Secret(b"x")) for each in needed if each.owner != "acme"}

    missing = missing_secrets(needed, SealedContent(version=1, entries=there))
    assert [each.ref.name for each in missing] == ["acme.tls", "acme.root", "acme.backup"]


def test_what_drp_makes_is_long_and_new_each_time() -> None:
    roots = {new_random().reveal() for _ in range(100)}
    tokens = {new_token().reveal() for _ in range(100)}

    assert len(roots) == len(tokens) == 100
    assert {len(root) for root in roots} == {32}
    assert {len(token) for token in tokens} == {43}
