"""Starts mongod as a replica set of one member; the first start makes the set and its first user.

Everything is looked at before it is done, so a start that was cut short is taken up by the next.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

SET = "rs0"
MEMBER = "mongodb:27017"  # the name by which the other containers of the tenant find it
USER = "drp"
PASSWORD = Path("/run/secrets/mongodb-password")
OPTIONS = [
    "--dbpath", "/data/db",
    "--replSet", SET,
    "--keyFile", "/run/secrets/mongodb-keyfile",  # members know each other by it; it turns authentication on
    "--bind_ip", "0.0.0.0",  # of this container; the link it is on reaches nothing else
    "--wiredTigerCacheSizeGB", "0.25",
]  # fmt: skip
ALREADY_INITIALIZED = 23
UNAUTHORIZED = 13
NO_MEMBER_IS_THIS = {74, 93}  # our name does not lead here yet
START_SECONDS = 120


def connect(password: str | None) -> MongoClient[dict[str, Any]]:
    """Straight to this server over the loopback address, where the localhost exception holds."""
    login: dict[str, Any] = (
        {"username": USER, "password": password, "authSource": "admin"} if password else {}
    )
    return MongoClient("127.0.0.1", 27017, directConnection=True, serverSelectionTimeoutMS=1000, **login)


def wait_for(server: subprocess.Popen[bytes], field: str) -> None:
    """Until the server answers `hello`, and says yes in this field. Exits when the server ends or is late."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with connect(None) as client:
                if client.admin.command("hello").get(field):
                    return
        except PyMongoError:
            pass  # not up yet
        time.sleep(0.1)
    sys.exit(f"mongod does not answer: exit code {server.poll()}")


def ensure_set() -> None:
    """Make the replica set unless there is one."""
    deadline = time.monotonic() + START_SECONDS
    while not is_set_made(patient=time.monotonic() < deadline):
        time.sleep(0.5)


def is_set_made(*, patient: bool) -> bool:
    """One try to make it. ``patient``: our name may take a moment to lead to this container."""
    member = {"_id": 0, "host": MEMBER}
    with connect(None) as client:
        if client.admin.command("hello").get("setName"):
            return True
        try:
            client.admin.command("replSetInitiate", {"_id": SET, "members": [member]})
        except OperationFailure as error:
            # A server that starts again answers before it has read its set: denied, as it has a user,
            # and users are made after the set.
            if error.code in NO_MEMBER_IS_THIS and patient:
                return False
            if error.code not in (ALREADY_INITIALIZED, UNAUTHORIZED):
                raise
    return True


def ensure_user() -> None:
    """Make the first user unless it can log in; the localhost exception ends with the first user."""
    password = PASSWORD.read_text().strip()
    with connect(password) as client:
        try:
            client.admin.command("ping")
        except OperationFailure:
            pass  # no such user yet
        else:
            return
    with connect(None) as client:
        role = {"role": "root", "db": "admin"}
        client.admin.command("createUser", USER, pwd=password, roles=[role])


def main() -> int:
    server = subprocess.Popen(["/usr/bin/mongod", *OPTIONS])

    def stop(number: int, frame: FrameType | None) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        wait_for(server, "ok")
        ensure_set()
        wait_for(server, "isWritablePrimary")
        ensure_user()
    except (OperationFailure, AutoReconnect) as error:
        # no password is in these messages: they are the server's words
        print(f"cannot set up mongod: {error}", file=sys.stderr)
        server.terminate()
        server.wait()
        return 1
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
