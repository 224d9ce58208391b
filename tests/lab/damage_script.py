"""Runs on an instance's links: alter one document, drop one index or remove one account.

damage_script.py document|index|account
"""

from __future__ import annotations

import sys
from pathlib import Path

import pymongo


def main() -> None:
    password = Path("/run/seed/mongodb/mongodb-password").read_text()
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        "mongodb", 27017, username="drp", password=password, directConnection=True
    )
    orders = client["app"]["orders"]
    if sys.argv[1] == "document":
        orders.update_one({"_id": "order-7"}, {"$set": {"total": -1.5}})
    elif sys.argv[1] == "index":
        orders.drop_index("number_1")
    else:
        client["admin"].command("dropUser", "reporting")
    print("done", flush=True)


if __name__ == "__main__":
    main()
