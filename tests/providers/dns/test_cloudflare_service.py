"""The Cloudflare of our own, called as anybody calls it: single records, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drp.testing.cloudflare.server import EDITOR, FakeCloudflare
from tests.providers.dns.bind import ZONE
from tests.providers.dns.cloudflare import check_described, cloudflare, connections

NAME = f"acme.{ZONE}"
A = {"name": NAME, "type": "A", "content": "192.0.2.1", "ttl": 60, "proxied": False, "comment": "ours"}
CNAME = {**A, "type": "CNAME", "content": f"dc3.{ZONE}"}


@pytest.fixture(scope="module")
def running() -> Iterator[FakeCloudflare]:
    with cloudflare() as service:
        yield service
    assert check_described(service.api.exchanges) == []


@pytest.fixture
def service(running: FakeCloudflare) -> FakeCloudflare:
    running.zone.records.clear()
    return running


def call(service: FakeCloudflare, method: str, path: str = "", body: Any = None, **query: str) -> Any:
    """What it answers: the result, or the code of its error."""
    url = f"{service.url}/zones/{service.zone.id}/dns_records{path}"
    bearer = {"authorization": f"Bearer {EDITOR}"}
    answer = connections().request(method, url, json=body, params=query, headers=bearer).json()
    return answer["result"] if answer["success"] else answer["errors"][0]["code"]


def test_one_record_lives_and_dies(service: FakeCloudflare) -> None:
    made = call(service, "POST", "", A)
    path = f"/{made['id']}"
    changed = call(service, "PATCH", path, {**CNAME, "type": "A", "content": "192.0.2.2", "comment": "still"})
    assert (changed["content"], changed["comment"]) == ("192.0.2.2", "still")
    put = call(service, "PUT", path, {"name": "acme", "type": "A", "content": "192.0.2.3"})
    assert (put["name"], put["ttl"], put["comment"]) == (NAME, 1, None)
    assert call(service, "GET", path) == put
    assert call(service, "GET", type="A") == [put]
    assert call(service, "GET", type="TXT") == []
    assert call(service, "DELETE", path) == {"id": made["id"]}
    assert call(service, "DELETE", path) == 81044


@pytest.mark.parametrize(
    ("there", "body", "code"),
    [
        (A, A, 81058),
        (A, CNAME, 81053),
        (CNAME, A, 81053),
        (None, {**A, "content": "dc3"}, 9005),
        (None, {**CNAME, "content": NAME}, 9005),
        (None, {**A, "ttl": 59}, 9021),
        (None, {**A, "ttl": 86401}, 9021),
    ],
)
def test_what_cannot_be_is_refused(service: FakeCloudflare, there: Any, body: Any, code: int) -> None:
    if there is not None:
        service.zone.create(there)
    assert call(service, "POST", "", body) == code
    assert len(service.zone.records) == (there is not None)


def test_a_batch_is_done_as_a_whole_or_not_at_all(service: FakeCloudflare) -> None:
    old = service.zone.create(A)["id"]
    before = dict(service.zone.records)
    bad = {"deletes": [{"id": old}], "posts": [CNAME, {**A, "name": f"b.{ZONE}"}, CNAME]}
    assert call(service, "POST", "/batch", bad) == 81058
    assert service.zone.records == before
    good = call(service, "POST", "/batch", {**bad, "posts": bad["posts"][:2]})
    assert [len(good[kind]) for kind in ("deletes", "patches", "puts", "posts")] == [1, 0, 0, 2]
    assert {record["type"] for record in service.zone.records.values()} == {"CNAME", "A"}


def test_a_proxied_record_has_an_automatic_ttl(service: FakeCloudflare) -> None:
    assert call(service, "POST", "", {**A, "proxied": True})["ttl"] == 1
