"""The real world's ports: what every engine is told with every call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.actions.catalogue import Performer
from drp.commands.live_ports import LivePorts
from drp.config.load import load_inventory
from drp.engine.tasks import APPLY, Done, Task
from drp.model.inventory import Inventory, SecretRef
from drp.model.plan import Step
from drp.model.values import Secret
from tests.config.folder import Folder
from tests.lab.certificates import Authority
from tests.providers.docker.api_server import Answer, ApiServer, api_server

RUN = "migrate-310304-abcd"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        info = {"Name": "h1", "ServerVersion": "29.0.0", "SystemTime": datetime.now(UTC).isoformat()}
        running.answers["GET /info"] = Answer(body={**info, "MemTotal": 8, "NCPU": 2})
        yield running


def point_at(inventory: Inventory, url: str) -> Inventory:
    """The same company; every engine is found at the URL."""
    sites = {
        name: replace(site, hosts=tuple(replace(host, engine=url) for host in site.hosts))
        for name, site in inventory.sites.items()
    }
    return replace(inventory, sites=sites)


@pytest.fixture
def ports(tmp_path: Path, server: ApiServer) -> LivePorts:
    authority = Authority("engines")
    pair = authority.issue_client("operator")
    material = {"ca": authority.certificate, "cert": pair.certificate, "key": pair.key}
    secret = Secret(json.dumps({name: pem.decode() for name, pem in material.items()}).encode())

    def resolve(ref: SecretRef) -> Secret:
        return secret

    inventory = point_at(load_inventory(Folder(tmp_path / "config").path), server.url)
    return LivePorts(replace(inventory, edge_ca=authority.certificate.decode()), resolve)


def test_all_calls_of_a_run_tell_the_run_and_its_lease(ports: LivePorts, server: ApiServer) -> None:
    own = ports.for_run(RUN, 7)
    perform = Performer(reading=own, writing=own, run=RUN, actor="ops@here")
    step = Step(
        id="host/h1", action="check.host", params={"host": "h1"}, stage="prepare",
        deadline=timedelta(seconds=5), read_only=True,
    )  # fmt: skip
    outcome = perform(Task(step=step, phase=APPLY, attempt=1), lambda data: None)
    assert outcome == Done({"engine": "29.0.0", "api": "1.41"})
    assert server.paths == ["GET /version", "GET /v1.41/info"]
    told = [(head["X-Drp-Run"], head["X-Drp-Epoch"]) for head in server.headers]
    assert told == [(RUN, "7")] * 2


def test_who_only_looks_tells_no_run(ports: LivePorts, server: ApiServer) -> None:
    ports.host("h1").state()
    assert not any("X-Drp-Run" in head or "X-Drp-Epoch" in head for head in server.headers)


@pytest.mark.parametrize(("kind", "built"), [("rfc2136", "Rfc2136Dns"), ("cloudflare", "CloudflareDns")])
def test_the_zone_s_kind_says_who_changes_it(ports: LivePorts, kind: str, built: str) -> None:
    keys = {
        "rfc2136": b'{"name": "drp", "algorithm": "hmac-sha256", "secret": "c2VjcmV0"}',
        "cloudflare": b"a-token",
    }
    inventory = replace(ports.inventory, dns=replace(ports.inventory.dns, kind=kind))
    own = LivePorts(inventory, lambda ref: Secret(keys[kind]))
    assert type(own.dns()).__name__ == built
    assert own.dns() is own.dns()
