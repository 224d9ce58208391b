"""Which value counts, and where it stands."""

from __future__ import annotations

import pytest

from drp.config.load import effective
from drp.errors import ConfigError
from tests.config.folder import Folder


def show(folder: Folder, under: str = "") -> dict[str, tuple[str, str]]:
    prefix = f"{folder.path.as_posix()}/"
    return {
        each.key: (each.value, str(each.place).removeprefix(prefix) if each.place else "default")
        for each in effective(folder.path, under)
    }


def test_each_value_of_a_tenant_has_its_place(folder: Folder) -> None:
    folder.write("more.yml", "defaults: {freeze: 30s}\nservices: {mongodb: {uid: 999}}\n")
    shown = show(folder, "acme")

    assert shown["tenants.acme.home"] == ("dc3", "tenants/acme.yml:3:11")
    assert shown["tenants.acme.domains"] == ("[acme.example.com]", "tenants/acme.yml:4:14")
    assert shown["tenants.acme.freeze"] == ("30s", "more.yml:1:20")
    assert shown["tenants.acme.tier"] == ("silver", "default")
    assert shown["tenants.acme.services.mongodb.uid"] == ("999", "more.yml:2:27")
    assert shown["tenants.acme.services.mongodb.gid"] == ("999", "more.yml:2:27")
    assert shown["tenants.acme.services.redis.uid"] == ("4002", "default")
    assert shown["tenants.acme.token"] == ("sealed:acme.token", "default")
    assert shown["tenants.acme.accounts.0.roles.0.role"] == ("readWriteAnyDatabase", "default")
    assert all(key.startswith("tenants.acme.") for key in shown)


def test_a_part_is_named_by_its_key_or_its_name(folder: Folder) -> None:
    assert set(show(folder, "dns.main")) == {
        f"dns.main.{key}" for key in ("kind", "servers", "zone", "key", "ttl", "move-ttl")
    }
    assert show(folder, "h3")["sites.dc5.hosts.h3.tls"] == ("sealed:h3", "default")
    assert show(folder, "ttl") == {"dns.main.ttl": ("300s", "default")}
    assert show(folder, "nothing") == {}


def test_all_of_it_has_no_value_twice(folder: Folder) -> None:
    values = effective(folder.path)
    keys = [each.key for each in values]

    assert len(keys) == len(set(keys))
    assert {"version", "witness", "sites.dc3.alias", "signers.dc5.public", "edge.ca"} <= set(keys)
    assert not any(key.startswith(("defaults.", "services.", "backup.")) for key in keys)


def test_it_works_before_the_keys_are_made(folder: Folder) -> None:
    (folder.path / "keys/acme.backup.pub").unlink()

    assert show(folder, "backup-key.public") == {
        "tenants.acme.backup-key.public": ("file:keys/acme.backup.pub", "default")
    }


def test_of_a_wrong_configuration_nothing_is_shown(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", "    token: canary-4711\n    disk")

    with pytest.raises(ConfigError):
        effective(folder.path)
