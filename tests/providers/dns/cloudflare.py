"""A zone at the Cloudflare of our own, and its calls held against the official description of the API."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

from drp.model.inventory import DnsZone
from drp.model.values import Secret
from drp.ports.clock import Clock
from drp.providers.dns.call_budget import CallBudget
from drp.providers.dns.cloudflare import CloudflareDns
from drp.providers.patience import Patience
from drp.testing.clock import ManualClock
from drp.testing.cloudflare.api import Exchange
from drp.testing.cloudflare.server import EDITOR, FakeCloudflare
from tests.providers.dns.bind import ZONE, make_zone

DESCRIPTION: Final = Path(
    os.environ.get("DRP_CLOUDFLARE")
    or Path(__file__).parents[3].parent / "shared/cloudflare-dns-openapi.json"
)
ALIASES: Final = (f"dc3.{ZONE}", f"dc5.{ZONE}")
HASTE: Final = Patience(attempts=1)


@contextmanager
def cloudflare(
    *, plan: str = "pro", calls: int = 1200, clock: Clock | None = None
) -> Iterator[FakeCloudflare]:
    with FakeCloudflare(clock or ManualClock(), zone=ZONE, plan=plan, calls=calls).running() as service:
        yield service


@cache
def connections() -> httpx.Client:
    """Made once: reading the authorities of the machine takes longer than a test."""
    return httpx.Client(verify=False, trust_env=False)


def open_zone(
    service: FakeCloudflare,
    *,
    token: str = EDITOR,
    clock: Clock | None = None,
    budget: CallBudget | None = None,
    zone: DnsZone | None = None,
    url: str = "",
) -> CloudflareDns:
    """The zone as drp sees it; a budget of its own unless one is given."""
    made = clock or ManualClock()
    return CloudflareDns(
        zone or replace(make_zone(*service.servers), kind="cloudflare"),
        Secret(token.encode()),
        aliases=ALIASES,
        timezone="Europe/Paris",
        url=url or service.url,
        http=connections(),
        clock=made,
        budget=budget or CallBudget(made, timezone="Europe/Paris"),
        timeout=2.0,
        patience=HASTE,
    )


def check_described(exchanges: Iterable[Exchange]) -> list[str]:
    """What the description does not allow; exchanges of one shape are looked at once.

    Nothing is looked at where the description does not lie beside the checkout.
    """
    if not DESCRIPTION.is_file():
        return []
    shapes = {_shape(each): each for each in exchanges}
    return [complaint for each in shapes.values() for complaint in _check(each)]


def require_description() -> None:
    """Skips the test where the description does not lie beside the checkout."""
    if not DESCRIPTION.is_file():
        pytest.skip(f"no description in {DESCRIPTION}")


@cache
def _load() -> dict[str, Any]:
    description: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    # the service itself sends records without `data`, and null for no comment
    schemas = description["components"]["schemas"]
    shown = copy.deepcopy(schemas["dns-records_dns-record-response"])
    shown["required"].remove("data")
    schemas["dns-records_dns-record-response"] = shown
    schemas["dns-records_comment"]["nullable"] = True
    return description


def _check(exchange: Exchange) -> list[str]:
    where = f"{exchange.method} {exchange.route}"
    operation = _load()["paths"].get(exchange.route, {}).get(exchange.method.lower())
    if operation is None:
        return [f"{where}: there is no such call"]
    answers = operation["responses"]
    answer = answers.get(str(exchange.status)) or answers[f"{exchange.status // 100}XX"]
    found = _complain(_schema_of(answer), _thin(exchange.reply), OAS30ReadValidator, f"{where}, reply")
    if exchange.body is not None and exchange.status == 200:
        found += _complain(
            _schema_of(operation["requestBody"]), _thin(exchange.body), OAS30WriteValidator, where
        )
    known = {_resolve(each)["name"] for each in operation.get("parameters", [])}
    return found + [f"{where}: no parameter '{name}'" for name in exchange.query if name not in known]


def _schema_of(described: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = described["content"]["application/json"]["schema"]
    # a failure is described as a success that is none, which nothing can be: its own half counts
    parts = [part for part in schema.get("allOf", ()) if part.get("$ref", "").endswith("-failure")]
    return parts[0] if parts else schema


def _resolve(described: dict[str, Any]) -> dict[str, Any]:
    found: Any = described
    while "$ref" in found:
        path = found["$ref"].removeprefix("#/").split("/")
        found = _load()
        for part in path:
            found = found[part]
    return dict(found)


def _complain(schema: dict[str, Any], value: Any, validator: Any, where: str) -> list[str]:
    whole = {**schema, "components": _load()["components"]}
    checker = validator(whole, format_checker=validator.FORMAT_CHECKER)
    return [f"{where}: {error.json_path}: {error.message[:200]}" for error in checker.iter_errors(value)]


def _shape(exchange: Exchange) -> tuple[Any, ...]:
    parts = (exchange.query, exchange.body, exchange.reply)
    return (exchange.method, exchange.route, exchange.status, *(_kinds(part) for part in parts))


def _thin(value: Any) -> Any:
    """Of the items of a list that are of one shape, one."""
    if isinstance(value, Mapping):
        return {key: _thin(each) for key, each in value.items()}
    if isinstance(value, list):
        return [*{_kinds(each): _thin(each) for each in value}.values()]
    return value


def _kinds(value: Any) -> Any:
    if isinstance(value, Mapping):
        return frozenset((key, each if key == "type" else _kinds(each)) for key, each in value.items())
    if isinstance(value, list):
        return frozenset(_kinds(each) for each in value)
    return type(value)
