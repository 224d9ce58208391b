"""Runs on an instance's links: are its own password and another one accepted?

login_script.py OTHER_PASSWORD_BACKWARDS

Backwards, so that the search for secrets in process tables finds what drp tells and not what a test does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pymongo
from pymongo.errors import OperationFailure


def try_login(password: str) -> str:
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        "mongodb", 27017, username="drp", password=password, directConnection=True
    )
    try:
        client.list_database_names()
    except OperationFailure:
        return "refused"
    return "accepted"


def main() -> None:
    own = Path("/run/seed/mongodb/mongodb-password").read_text()
    print(f"own: {try_login(own)}, other: {try_login(sys.argv[1][::-1])}", flush=True)


if __name__ == "__main__":
    main()
