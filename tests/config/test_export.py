"""What editors get."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from drp.config.export import build_json_schema, render_json_schema, render_key_table
from drp.config.schema import RootSettings
from drp.config.shapes import find_model, keys_of

SCHEMA: dict[str, Any] = build_json_schema()


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, also one beside other keys or in an alternative with null."""
    if "$ref" in node:
        found: dict[str, Any] = SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return found
    return node


def below(node: dict[str, Any], *path: str) -> dict[str, Any]:
    for step in path:
        node = resolve(node)
        node = node["properties"][step] if "properties" in node else by_name(node)
    return node


def by_name(node: dict[str, Any]) -> dict[str, Any]:
    """What an entry of a map of named things looks like."""
    assert node["additionalProperties"] is False, "other names must be marked"
    (found,) = node["patternProperties"].values()
    assert isinstance(found, dict)
    return found


def all_properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for model in (SCHEMA, *SCHEMA["$defs"].values()):
        yield from model.get("properties", {}).items()


def test_it_is_json_and_knows_the_shape() -> None:
    assert json.loads(render_json_schema()) == SCHEMA
    assert set(SCHEMA["properties"]) == set(keys_of(RootSettings))
    assert below(SCHEMA, "sites", "NAME", "hosts", "NAME", "memory")["type"] == "string"
    assert below(SCHEMA, "tenants", "NAME", "smoke-collections")["type"] == "array"


def test_unknown_keys_are_marked_by_editors_too() -> None:
    assert SCHEMA["additionalProperties"] is False
    groups = [model for model in SCHEMA["$defs"].values() if "properties" in model]
    assert len(groups) > 15
    assert all(model["additionalProperties"] is False for model in groups)


def test_each_key_has_a_description() -> None:
    assert [key for key, node in all_properties() if not node.get("description")] == []


def test_nothing_of_drps_own_notes_is_left() -> None:
    assert [key for key, node in all_properties() if "drp" in node or "title" in node] == []


def test_numbers_and_flags_are_such_for_editors() -> None:
    tenant = below(SCHEMA, "tenants", "NAME")
    assert (below(tenant, "cpu")["type"], below(tenant, "cpu")["default"]) == ("number", 2)
    assert below(tenant, "dedicated")["default"] is False
    assert below(SCHEMA, "version")["const"] == 1
    assert below(tenant, "services", "api", "uid")["maximum"] == 65533


def test_what_another_file_may_give_is_not_required() -> None:
    assert "required" not in SCHEMA
    assert "required" not in SCHEMA["$defs"]["SiteSettings"]
    assert resolve(below(SCHEMA, "tenants", "NAME"))["required"] == ["home", "domains"]
    assert "key" not in resolve(below(SCHEMA, "stores", "NAME"))["required"]
    assert "bucket" in resolve(below(SCHEMA, "stores", "NAME"))["required"]


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (("tenants", "NAME", "memory"), "8GiB", "8 Gigs"),
        (("tenants", "NAME", "freeze"), "1h30m", "5"),
        (("tenants", "NAME", "token"), "sealed:acme.token", "hunter2"),
        (("images", "helper"), f"sha256:{'0' * 64}", "shop:latest"),
        (("sites", "NAME", "country"), "FR", "France"),
        (("sites", "NAME", "hosts", "NAME", "engine"), "tcp://10.3.0.1:2376", "unix:///run/docker.sock"),
    ],
)
def test_patterns_say_what_the_loader_says(path: tuple[str, ...], right: str, wrong: str) -> None:
    pattern = below(SCHEMA, *path)["pattern"]

    assert re.search(pattern, right)
    assert not re.search(pattern, wrong)


def test_every_key_is_in_the_table() -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \|", render_key_table(), re.MULTILINE))

    for key in keys_of(RootSettings):
        assert any(row == key or row.startswith((f"{key}.", f"{key}[")) for row in rows)
    tenant = find_model(RootSettings, ("tenants", "acme"))
    assert tenant is not None
    for key in keys_of(tenant):
        assert any(row.removeprefix("tenants.NAME.").rstrip("[]") == key for row in rows), key
