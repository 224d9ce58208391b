"""Small jobs, and the program around all of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import bson
import pytest

from drp.dataplane.__main__ import describe_bug, main
from drp.dataplane.doors import RealDoors
from drp.dataplane.job import Context, Reporter
from drp.dataplane.jobs.files import find_filesystem
from drp.dataplane.jobs.http import check_answer, parse_request
from drp.dataplane.jobs.registry import JOBS, run_job
from drp.dataplane.jobs.survey import parse_routes
from drp.dataplane.wire import Job, decode_output, encode_job
from drp.errors import (
    DeadlineError,
    RejectedError,
    UnreachableError,
    UsageError,
    VerificationError,
)
from drp.model.values import JsonMap, Secret
from drp.testing.simmongo.server import SimMongo
from tests.dataplane.simulated import build_company, fill

PLACE: JsonMap = {"host": "source", "port": 0}


def run(kind: str, params: JsonMap) -> JsonMap:
    return run_job(Context(job=Job(kind=kind, params=params, secrets={}), doors=RealDoors()))


# the program


def call(data: bytes) -> tuple[int, list[str]]:
    lines: list[str] = []
    return main(io.BytesIO(data), lines.append), lines


def test_program_ends_with_a_result_and_exit_code_0(tmp_path: Path) -> None:
    job = encode_job("files", {"operations": [{"op": "mkdir", "path": str(tmp_path / "a")}]}, {})
    done = subprocess.run(
        [sys.executable, "-m", "drp.dataplane"], input=job, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert decode_output(done.stdout.splitlines())["done"] == 1
    assert (tmp_path / "a").is_dir()


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "UsageError", 2),
        (encode_job("dance", {}, {}), "UsageError", 2),
        (encode_job("backup", {"tenant": "acme"}, {}), "UsageError", 2),
        (encode_job("files", {"operations": [{"op": "mark", "path": "/no/such"}]}, {}), "NotFoundError", 6),
    ],
)
def test_program_ends_with_the_error_and_its_exit_code(data: bytes, name: str, code: int) -> None:
    returned, lines = call(data)
    assert (returned, json.loads(lines[-1])["class"]) == (code, name)


def test_wrong_parameters_are_named_without_their_values() -> None:
    _, lines = call(encode_job("wait-ready", {"timeout_s": "hunter2"}, {}))
    assert "timeout_s" in lines[-1]
    assert "hunter2" not in lines[-1]


def test_bug_is_told_by_place_and_not_by_text() -> None:
    try:
        raise ValueError("hunter2")
    except ValueError as error:
        told = describe_bug(error)
    assert told.message.startswith("cannot finish the job: ValueError at test_jobs.py:")
    assert "hunter2" not in told.message


def test_progress_comes_once_a_second_at_most() -> None:
    lines: list[str] = []
    clock = iter([0.0, 0.4, 0.9, 1.1, 1.2, 2.2])
    report = Reporter(lines.append, lambda: next(clock))
    report.total = 100
    for _ in range(5):
        report.advance(30)
    told = [(line["done"], line["total"]) for line in map(json.loads, lines)]
    assert told == [(90, 100), (150, 150)]


def test_real_doors_tell_the_time() -> None:
    assert abs((RealDoors().now() - datetime.now(UTC)).total_seconds()) < 60


def test_job_on_files_loads_no_driver() -> None:
    job = encode_job("files", {"operations": [{"op": "stat", "path": "/tmp"}]}, {})
    code = (
        "import sys; from drp.dataplane.__main__ import main; main(sys.stdin.buffer, print);"
        "print([name for name in ('pymongo', 'redis', 'boto3', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=job, capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"


def test_every_kind_of_job_is_there() -> None:
    for kind in JOBS:
        with pytest.raises(UsageError, match=f"cannot run job '{kind}': "):
            run(kind, {"mongodb": 5, "operations": 5})


# files


def files(*operations: JsonMap) -> JsonMap:
    return run("files", {"operations": [*operations]})


def test_volume_gets_its_owner_and_a_marker(tmp_path: Path) -> None:
    path = str(tmp_path)
    own: JsonMap = {"uid": os.getuid(), "gid": os.getgid()}
    for _ in range(2):
        told = files(
            {"op": "chown", "path": path, **own},
            {"op": "chmod", "path": path, "mode": 0o700},
            {"op": "mark", "path": path, **own},
            {"op": "stat", "path": path},
        )
    assert (tmp_path / ".drp").exists()
    assert told["stat"][path]["mode"] == 0o700  # type: ignore[index,call-overload]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_owner_is_given_away(tmp_path: Path) -> None:
    files({"op": "mkdir", "path": str(tmp_path / "v"), "uid": 999, "gid": 998, "mode": 0o711})
    found = (tmp_path / "v").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (999, 998, 0o711)


def test_secret_files_are_removed_with_their_folder(tmp_path: Path) -> None:
    (tmp_path / "acme" / "inner").mkdir(parents=True)
    (tmp_path / "acme" / "inner" / "password").write_text("x")
    for _ in range(2):
        files({"op": "remove", "path": str(tmp_path / "acme")})
    assert list(tmp_path.iterdir()) == []


def test_link_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    files({"op": "remove", "path": str(tmp_path / "link")})
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()


def test_missing_file_is_told_as_null_by_stat(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert files({"op": "stat", "path": path})["stat"] == {path: None}


@pytest.mark.parametrize("path", ["", "/", "a/b", "/a/../etc", "."])
def test_path_with_detours_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="cannot touch"):
        files({"op": "remove", "path": path})


def test_unknown_operation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot do 'shred'"):
        files({"op": "shred", "path": str(tmp_path)})


def test_refusal_of_the_system_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RejectedError, match="Not a directory"):
        files({"op": "mark", "path": str(tmp_path / "file")})


MOUNTS = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:20 / /run rw - tmpfs tmpfs rw
23 22 0:21 / /run/with\\040space rw - xfs /dev/sdb rw
24 21 0:22 / /run rw - ramfs none rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/x", "ext4"), ("/run/secrets", "ramfs"), ("/run/with space/x", "xfs"), ("/runner", "ext4")],
)
def test_file_system_is_that_of_the_deepest_latest_mount(path: str, kind: str) -> None:
    assert find_filesystem(MOUNTS, Path(path)) == kind


def test_file_system_of_this_machine_is_told() -> None:
    assert files({"op": "statfs", "path": "/proc/self"})["statfs"] == {"/proc/self": "proc"}


# http


class Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        kind = self.headers.get("Content-Type", "")
        self.wfile.write(json.dumps({"got": body.decode(), "type": kind}).encode())

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_are_sent_and_their_answers_checked(api: str) -> None:
    post: dict[str, Any] = {"method": "POST", "path": "/x", "expect-status": 201}
    echoed = {"got": '{"a": 1}', "type": "application/json"}
    requests: list[Any] = [
        {"path": "/health", "expect-contains": "well"},
        {**post, "body": {"a": 1}, "expect-json": echoed},
        {**post, "body": "text", "headers": {"Content-Type": "a/b"}, "expect_body_contains": "a/b"},
    ]
    told = run("http", {"base": api, "requests": requests})
    assert [answer["status"] for answer in told["requests"]] == [200, 201, 201]  # type: ignore[index,union-attr,call-overload]


def test_what_an_answer_says_is_used_by_later_requests(api: str) -> None:
    post: dict[str, Any] = {"method": "POST", "path": "/x", "expect-status": 201}
    requests: list[Any] = [
        {**post, "body": "secret {x}", "keep": {"token": "got"}},
        {**post, "body": "{token}, {other}", "expect-contains": "secret {x}, {other}"},
    ]
    run("http", {"base": api, "requests": requests})
    with pytest.raises(VerificationError, match="the answer lacks none"):
        run("http", {"base": api, "requests": [{**post, "body": "", "keep": {"token": "none"}}]})


def test_unexpected_status_is_told_with_the_answer(api: str) -> None:
    with pytest.raises(VerificationError, match=r"'GET /none': status 404 instead of 200: 'all is well'"):
        run("http", {"base": api, "requests": [{"path": "/none"}]})


@pytest.mark.parametrize(
    ("wanted", "body", "words"),
    [
        ({"expect_contains": "x"}, "abc", "lacks 'x'"),
        ({"expect_json": {"a": 1}}, '{"a": 2}', "a came back different"),
        ({"expect_json": {"a": 1}}, "[]", "a came back different"),
        ({"expect_json": {"a": 1}}, "<html>", "no JSON"),
    ],
)
def test_unexpected_body_is_told(wanted: Mapping[str, object], body: str, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        check_answer(parse_request(wanted), 200, body)


def test_silent_api_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="cannot send 'GET /'"):
        run("http", {"base": "http://127.0.0.1:1", "requests": [{}]})


def test_other_than_http_is_refused() -> None:
    with pytest.raises(UsageError, match="write http://HOST:PORT"):
        run("http", {"base": "https://api", "requests": []})


# databases, simulated


@dataclass
class Servers:
    source: SimMongo = field(default_factory=SimMongo)

    def run(self, kind: str, params: JsonMap, **secrets: Secret) -> JsonMap:
        return build_company(self.source, SimMongo()).run(kind, {"mongodb": PLACE, **params}, **secrets)


def test_accounts_get_roles_where_the_server_has_them() -> None:
    servers = Servers()
    accounts: JsonMap = {"accounts": [{"name": "api", "roles": ["readWrite"]}]}
    told = servers.run("accounts", accounts, **{"account:api": Secret(b"p")})
    assert told == {"accounts": {"api": "created"}, "roles": True}
    assert bson.decode(servers.source.documents("admin", "system.users")[0])["roles"] == ["readWrite"]


def test_sessions_of_others_are_told() -> None:
    servers = Servers()
    assert servers.run("sessions", {}) == {"known": True, "others": []}
    servers.source.operations.append({"client": "10.0.0.9:1", "appName": "api"})
    assert servers.run("sessions", {})["others"] == [{"application": "api", "client": "10.0.0.9:1"}]


def test_ttl_monitor_is_set_and_its_former_state_told() -> None:
    servers = Servers()
    assert servers.run("ttl-monitor", {"enabled": False}) == {"was": True}
    assert servers.source.parameters["ttlMonitorEnabled"] is False


def test_wait_goes_on_until_the_server_is_primary() -> None:
    servers = Servers()
    servers.source.is_primary = False
    with pytest.raises(DeadlineError, match="it is no primary"):
        servers.run("wait-ready", {"timeout_s": 0})
    servers.source.is_primary = True
    assert "mongodb_s" in servers.run("wait-ready", {"timeout_s": 0})


def test_probe_collection_is_dropped_with_nothing_else() -> None:
    servers = Servers()
    fill(servers.source, "probe", [{"_id": 1}])
    fill(servers.source, "orders", [{"_id": 1}])
    servers.run("drop-collection", {"db": "app", "coll": "probe"})
    assert [c.name for c in servers.source.collections if c.database == "app" and not c.dropped] == ["orders"]


def test_job_for_no_database_is_refused() -> None:
    with pytest.raises(UsageError, match="names no database"):
        run_job(
            Context(
                job=Job(kind="check-login", params={}, secrets={"candidate": Secret(b"x")}), doors=RealDoors()
            )
        )


# survey

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101030A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001030A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t0000400A\t0101030A\t0003\t0\t0\t0\t00F0FFFF\t0\t0\t0
tun1\t0000500A\t0101030A\t0002\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is written in the order of a small machine")
def test_routes_of_a_host_are_read_without_the_default_and_those_that_are_down() -> None:
    assert parse_routes(ROUTES) == [
        {"network": "10.3.1.0/24", "interface": "eth0"},
        {"network": "10.64.0.0/20", "interface": "tun0"},
    ]


def test_survey_tells_room_and_routes() -> None:
    told = run("survey", {"path": "/"})
    assert 0 < int(str(told["free_bytes"])) <= int(str(told["total_bytes"]))
    assert isinstance(told["routes"], list)
