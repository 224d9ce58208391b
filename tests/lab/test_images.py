"""The images do what tenants and helpers need, hardened, and are the same each time they are built."""

from __future__ import annotations

import contextlib
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.images.archive import write_layer
from tests.lab.images.layer import Layer
from tests.lab.images.recipes import build_recipes
from tests.lab.lab import Lab
from tests.lab.machine import Machine
from tests.lab.stack import PASSWORDS, Stack, run_once, running_stack


@pytest.fixture(scope="module")
def stack(lab: Lab) -> Iterator[Stack]:
    with running_stack(lab.hosts_of(lab.names.away.name)[0], lab.images, "images") as running:
        wait_until_healthy(running)
        yield running


def wait_until_healthy(stack: Stack) -> None:
    """The API answers as soon as its databases do; each try waits for their drivers."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            if stack.request("GET", "/health")[0] == 200:
                return
        stack.host.run("sleep", "0.1")
    pytest.fail(f"not healthy: {stack.containers['mongodb'].logs()!r}")


def test_an_item_is_found_by_its_value(stack: Stack) -> None:
    assert stack.request_json("PUT", "/items/a%2Fb", {"value": [1, "ü"]})[0] == 200
    assert stack.request_json("GET", "/items/a%2Fb", None) == (200, {"id": "a/b", "value": [1, "ü"]})
    assert stack.request("GET", "/items/none")[0] == 404
    assert stack.request("PUT", "/items/a", b"no json")[0] == 400


def test_a_file_is_replaced_whole(stack: Stack) -> None:
    for content in (b"old" * 400_000, b"new" * 300_000):
        assert stack.request("PUT", "/files/f", content)[0] == 200
        assert stack.request("GET", "/files/f") == (200, content)
    assert stack.request("GET", "/files/none")[0] == 404


def test_probes_leave_nothing(stack: Stack) -> None:
    assert stack.request_json("PUT", "/probe/p", {"value": 7})[0] == 200
    assert stack.request_json("GET", "/probe/p", None) == (200, {"id": "p", "value": 7})
    assert stack.request("DELETE", "/probe/p")[0] == 200
    assert stack.request("GET", "/probe/p")[0] == 404
    assert stack.request("DELETE", "/probe/p")[0] == 404


def test_a_token_outlives_the_application_and_no_forged_one_passes(stack: Stack) -> None:
    status, words = stack.request_json("POST", "/session", {"user": "ann"})
    assert status == 201
    stack.containers["api"].restart(timeout=10)
    wait_until_healthy(stack)
    token = str(words["token"])
    status, body = stack.request("GET", "/session", headers={"Authorization": f"Bearer {token}"})
    assert (status, json.loads(body)["user"]) == (200, "ann")
    assert json.loads(body)["remembered"] > 0
    for forged in (token[:-2] + "AA", "e30." + token.split(".")[1], ""):
        assert stack.request("GET", "/session", headers={"Authorization": f"Bearer {forged}"})[0] == 401


def test_a_request_in_flight_is_answered_before_the_end(stack: Stack) -> None:
    container = stack.containers["api"]
    with stack.host.net(), contextlib.closing(stack.open_connection()) as connection:
        connection.putrequest("PUT", "/files/slow")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"first")
        stopping = threading.Thread(target=container.stop, kwargs={"timeout": 20})
        stopping.start()
        wait_until_closed(stack)
        connection.send(b"other")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        stopping.join()
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0
    container.start()
    wait_until_healthy(stack)
    assert stack.request("GET", "/files/slow") == (200, b"firstother")


def wait_until_closed(stack: Stack) -> None:
    for _ in range(1000):
        try:
            stack.request("GET", "/health")
        except OSError:
            return
    pytest.fail("the application still takes connections")


def test_no_password_is_in_inspect_or_in_the_process_table(stack: Stack) -> None:
    assert stack.request("GET", "/health")[0] == 200
    processes = read_process_table(stack.host)
    assert "/data/db" in processes
    for word in PASSWORDS.values():
        assert word not in processes
        assert all(word not in json.dumps(c.attrs) for c in stack.containers.values())


def read_process_table(machine: Machine) -> str:
    script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\\0' ' '"
    return machine.run("sh", "-c", script, check=False).stdout


def test_data_and_password_outlive_a_restart_of_the_database(stack: Stack) -> None:
    assert stack.request_json("PUT", "/items/kept", {"value": 1})[0] == 200
    stack.containers["mongodb"].restart(timeout=20)
    wait_until_healthy(stack)
    assert stack.request("GET", "/items/kept")[0] == 200


def test_a_helper_has_data_plane_and_guard_and_nothing_else_of_drp(lab: Lab) -> None:
    script = (
        "import pkgutil, drp, drp.dataplane, boto3, pymongo, redis, zstandard, cryptography, xxhash\n"
        "boto3.client('s3', 'x', aws_access_key_id='a', aws_secret_access_key='b')\n"
        "print(sorted(m.name for m in pkgutil.iter_modules(drp.__path__)))"
    )
    host = lab.hosts_of(lab.names.away.name)[0]
    said = run_once(host, lab.images["helper"], ["-c", script], user="65534:65534", entry="/usr/bin/python3")
    assert said.strip() == str(["dataplane", "errors", "guard", "model"])


def test_the_edge_has_what_it_runs_on(lab: Lab) -> None:
    host = lab.hosts_of(lab.names.away.name)[0]
    words = ["sh", "-c", "haproxy -vv && socat -V"]
    said = run_once(host, lab.images["edge"], words, user="4010:4010")
    assert "Built with Lua version" in said
    assert "socat version" in said


def find_layers() -> list[tuple[str, Layer]]:
    """The small layers: those with own sources, and one of installed programs."""
    recipes = {recipe.name: recipe.layers for recipe in build_recipes()}
    return [("redis", recipes["redis"][0]), ("api", recipes["api"][-1]), ("helper", recipes["helper"][-1])]


@pytest.mark.parametrize("number", range(3), ids=["redis", "api", "helper"])
def test_a_layer_is_the_same_each_time(number: int, tmp_path: Path) -> None:
    _, layer = find_layers()[number]
    first = write_layer(layer.build(), tmp_path / "first.tar")
    again = write_layer(layer.build(), tmp_path / "again.tar")
    assert first.digest == again.digest
    with tarfile.open(first.path) as archive:
        members = archive.getmembers()
    assert members
    assert {(m.mtime, m.uid, m.gid) for m in members} == {(0, 0, 0)}


def test_a_changed_source_changes_the_layer() -> None:
    for _, layer in find_layers():
        changed = Layer(
            programs=layer.programs, data={**layer.data, "/app/more": b"1"}, compiled=layer.compiled
        )
        assert changed.fingerprint() != layer.fingerprint()
