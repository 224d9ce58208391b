"""Runs inside a container on a tenant's links: prints all items of the application as JSON, id: value."""

from __future__ import annotations

import json
from pathlib import Path

import pymongo


def main() -> None:
    password = Path("/run/seed/mongodb/mongodb-password").read_text()
    client: pymongo.MongoClient[dict[str, str]] = pymongo.MongoClient(
        "mongodb", 27017, username="drp", password=password, directConnection=True
    )
    print(json.dumps({item["_id"]: item["value"] for item in client["app"]["items"].find()}), flush=True)


if __name__ == "__main__":
    main()
