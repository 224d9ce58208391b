"""S3Objects against a server that answers what it is told: statuses, cut bodies, silence."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from drp.errors import (
    ConflictError,
    DeniedError,
    DrpError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from drp.model.values import Secret
from drp.providers.objects.s3 import S3Objects, S3Options
from drp.providers.patience import Patience
from tests.providers.objects.gateway import SECRET, make_key, make_store

ENVIRONMENT = {
    "AWS_PROFILE": "missing",
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "7",
}
"""Each would turn every request away, were it read."""


@dataclass
class Script:
    """What the server answers, and the requests it got."""

    status: int = 200
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    requests: list[str] = field(default_factory=list)
    bad_moments: list[tuple[int, str]] = field(default_factory=list)
    """Status and code of the first answers, before the one above."""


@dataclass(frozen=True)
class Scripted:
    url: str
    script: Script

    def store(self, **options: float | Patience) -> S3Objects:
        return S3Objects(make_store(self.url, "bucket"), make_key(), S3Options(**options))  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[Scripted]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            script.requests.append(f"{self.command} {self.path}")
            status, code = script.status, script.code
            body = script.body
            if script.bad_moments:
                (status, code), body = script.bad_moments.pop(0), b""
            body = body or f"<Error><Code>{code}</Code></Error>".encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **script.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield Scripted(f"http://127.0.0.1:{http.server_address[1]}", script)
        http.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", NotFoundError),
        (404, "NoSuchBucket", RejectedError),
        (404, "", RejectedError),
        (403, "AccessDenied", DeniedError),
        (403, "RequestTimeTooSkewed", DeniedError),
        (409, "ConditionalRequestConflict", ConflictError),
        (412, "PreconditionFailed", ConflictError),
        (400, "InvalidArgument", RejectedError),
        (501, "NotImplemented", RejectedError),
        (500, "InternalError", UnreachableError),
        (503, "ServiceUnavailable", UnreachableError),
        (503, "SlowDown", RateLimitedError),
        (429, "", RateLimitedError),
    ],
)
def test_each_answer_has_its_error_after_one_attempt(
    server: Scripted, status: int, code: str, error: type[DrpError]
) -> None:
    server.script.status, server.script.code = status, code
    with pytest.raises(DrpError) as caught:
        server.store().put_once("a", b"1")
    assert type(caught.value) is error
    assert server.script.requests == ["PUT /bucket/a"]


BUSY = (503, "SlowDown")
QUICK = Patience(attempts=3, seconds=5, pause=0.01)


def test_a_look_outlasts_a_bad_moment(server: Scripted) -> None:
    server.script.body, server.script.bad_moments = b"whole", [BUSY, (500, "InternalError")]
    server.script.headers = {"retry-after": "0"}
    assert server.store(patience=QUICK).get("a") == b"whole"
    assert len(server.script.requests) == 3


def test_a_store_that_stays_bad_is_left_to_the_engine(server: Scripted) -> None:
    server.script.status, server.script.code = BUSY
    server.script.headers = {"retry-after": "0"}
    with pytest.raises(RateLimitedError):
        server.store(patience=QUICK).list("a/")
    assert len(server.script.requests) == 3


def test_a_creation_is_not_repeated(server: Scripted) -> None:
    server.script.bad_moments = [(500, "InternalError")]
    with pytest.raises(UnreachableError):
        server.store(patience=QUICK).put_once("a", b"1")
    assert len(server.script.requests) == 1


def test_a_404_without_a_word_is_no_missing_object(server: Scripted) -> None:
    server.script.status = 404
    with pytest.raises(RejectedError, match="cannot read object 'a': the store said 404"):
        server.store().find("a")


def test_the_pause_asked_for_is_told(server: Scripted) -> None:
    server.script.status, server.script.code = 503, "SlowDown"
    server.script.headers = {"retry-after": "240"}
    with pytest.raises(RateLimitedError) as caught:
        server.store(patience=Patience(attempts=1)).get("a")
    assert caught.value.retry_after == 240
    server.script.headers = {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}
    with pytest.raises(RateLimitedError) as caught:
        server.store(patience=Patience(attempts=1)).get("a")
    assert caught.value.retry_after == 1


def test_a_cut_body_is_never_returned_as_whole(server: Scripted) -> None:
    server.script.body, server.script.headers = b"half", {"content-length": "8", "connection": "close"}
    with pytest.raises(UnreachableError, match="cannot read object 'a': no answer"):
        server.store(read_timeout=1.0, patience=QUICK).get("a")


def test_a_bad_key_is_refused_without_showing_it() -> None:
    store, key = make_store("http://127.0.0.1:9", "bucket"), Secret(b'{"access": "a", "secret": hunter2}')
    with pytest.raises(DeniedError, match="cannot open store 'backups': its key is not JSON") as caught:
        S3Objects(store, key)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_the_machines_own_set_up_is_not_used(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server.script.status = 500
    with pytest.raises(UnreachableError):
        server.store(patience=Patience(attempts=1)).get("a")
    assert server.script.requests == ["GET /bucket/a"]


def test_the_key_is_not_shown() -> None:
    store = S3Objects(make_store("http://127.0.0.1:9", "bucket"), make_key())
    assert SECRET not in repr(vars(store))
