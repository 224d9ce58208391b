"""A company whose source and target are simulated servers, and documents to fill them with."""

from __future__ import annotations

from typing import Any

import bson

from drp.dataplane.places import Endpoint
from drp.testing.simmongo.server import SimMongo
from tests.dataplane.backups import Company

SOURCE, TARGET = Endpoint(host="source", port=0), Endpoint(host="target", port=0)


def build_company(source: SimMongo, target: SimMongo) -> Company:
    company = Company()
    company.doors.servers = {"source": source.session, "target": target.session}
    return company


def fill(server: SimMongo, name: str, documents: list[Any], database: str = "app") -> None:
    """Inserts documents, making the collection if need be."""
    collection = server.ensure(database, name)
    for document in documents:
        raw = document if isinstance(document, bytes) else bson.encode(document)
        collection.add(raw, server.tick())


def decode(server: SimMongo, name: str, database: str = "app") -> list[dict[str, Any]]:
    return [bson.decode(raw) for raw in server.documents(database, name)]
