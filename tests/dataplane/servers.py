"""Real servers for tests: each in a folder of its own, on loopback or a unix socket."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient

from drp.dataplane.doors import RealDoors
from drp.dataplane.job import Context
from drp.dataplane.jobs.registry import run_job
from drp.dataplane.places import CacheEndpoint, Endpoint
from drp.dataplane.wire import Job
from drp.model.values import JsonMap, Secret
from tests.lab.programs import load_pins

USER, PASSWORD = "drp", "of-this-test-only"


def require(program: Path | str | None, name: str) -> str:
    """Skips the test where a server is not installed, but not on a CI machine."""
    if program and Path(program).exists():
        return str(program)
    reason = f"{name} is not installed: run `make setup`"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def ferretdb(folder: Path) -> Iterator[Endpoint]:
    """A server without snapshots, roles, views and most index options, behind MongoDB's protocol."""
    found = os.environ.get("DRP_FERRETDB") or load_pins()["ferretdb"].program
    program = require(found, "FerretDB")
    endpoint = Endpoint(host="127.0.0.1", port=free_port(), user=USER)
    folder.mkdir(exist_ok=True)
    command = [
        program,
        "--handler=sqlite",
        f"--sqlite-url=file:{folder}/",
        f"--state-dir={folder}",
        f"--listen-addr=127.0.0.1:{endpoint.port}",
        "--debug-addr=-",
        "--telemetry=disable",
        "--test-enable-new-auth",
        f"--setup-username={USER}",
        f"--setup-password={PASSWORD}",
        "--setup-database=admin",
    ]
    with running(command, folder / "log"):
        wait_ready({"mongodb": {"host": endpoint.host, "port": endpoint.port, "user": USER}, "redis": None})
        yield endpoint


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[CacheEndpoint]:
    """A Redis on a unix socket, with a password."""
    program = require(shutil.which("redis-server"), "redis-server")
    folder.mkdir(exist_ok=True)
    path = folder / "redis.sock"
    words = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    with running([program, *words, "--requirepass", PASSWORD, *options], folder / "log"):
        wait_ready({"redis": {"host": str(path), "port": 0}})
        yield CacheEndpoint(host=str(path), port=0)


def wait_ready(params: JsonMap) -> None:
    run({"timeout_s": 20, **params}, kind="wait-ready")


def run(params: JsonMap, *, kind: str, **secrets: Secret) -> JsonMap:
    """One job against real servers."""
    given = {"mongodb": Secret(PASSWORD.encode()), "redis": Secret(PASSWORD.encode()), **secrets}
    return run_job(Context(job=Job(kind=kind, params=params, secrets=given), doors=RealDoors()))


def client_of(endpoint: Endpoint) -> MongoClient[Any]:
    """What an application would use."""
    return MongoClient(endpoint.host, endpoint.port, username=USER, password=PASSWORD, directConnection=True)


def redis_of(endpoint: CacheEndpoint, database: int = 0) -> redis.Redis:
    return redis.Redis(unix_socket_path=endpoint.host, password=PASSWORD, db=database)
