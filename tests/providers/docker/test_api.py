"""What the provider says to an engine, and what it makes of answers no real engine gives on demand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RejectedError,
    UnreachableError,
    UsageError,
)
from drp.providers.docker.engine import Engine, Patience, choose_version
from drp.providers.docker.host import DockerHost
from tests.providers.docker.api_server import Answer, ApiServer, api_server

SHORT = Patience(connect=1, look=5, change=5, transfer=5, cleanup=1)
INFO = {"Name": "n1", "ServerVersion": "29.0.0", "SystemTime": "2031-03-04T05:06:07.123456789Z"}
INFO_ANSWER = Answer(body={**INFO, "MemTotal": 8, "NCPU": 2})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        running.answers["GET /info"] = INFO_ANSWER
        yield running


@pytest.fixture
def host(server: ApiServer) -> DockerHost:
    return DockerHost(
        Engine("h1", server.url, patience=SHORT, headers={"X-Drp-Run": "r1", "X-Drp-Epoch": "7"})
    )


class TestVersions:
    @pytest.mark.parametrize(
        ("oldest", "newest", "chosen"),
        [
            ("1.12", "1.41", "1.41"),
            ("1.24", "1.44", "1.44"),
            ("1.44", "1.52", "1.52"),
            ("1.44", "1.60", "1.52"),
            ("", "1.41", "1.41"),
        ],
    )
    def test_the_newest_that_both_speak(
        self, server: ApiServer, host: DockerHost, oldest: str, newest: str, chosen: str
    ) -> None:
        server.offer(oldest, newest)
        assert host.state().api_version == chosen
        assert server.paths == ["GET /version", f"GET /v{chosen}/info"]

    @pytest.mark.parametrize(
        ("oldest", "newest"), [("1.12", "1.40"), ("1.53", "1.60")], ids=["too old", "too new"]
    )
    def test_no_version_in_common(
        self, server: ApiServer, host: DockerHost, oldest: str, newest: str
    ) -> None:
        server.offer(oldest, newest)
        with pytest.raises(RejectedError) as caught:
            host.state()
        assert caught.value.message == (
            f"cannot use the engine on host 'h1': it speaks API {oldest} to {newest}, drp 1.41 to 1.52"
        )

    def test_what_is_no_engine(self, server: ApiServer, host: DockerHost) -> None:
        server.answers["GET /version"] = Answer(body={"hello": "world"})
        with pytest.raises(RejectedError, match="it tells no API version"):
            host.state()

    def test_a_failed_negotiation_is_tried_again(self, server: ApiServer, host: DockerHost) -> None:
        server.answers["GET /version"] = Answer(503, b"not yet")
        with pytest.raises(UnreachableError):
            host.state()
        server.offer("1.12", "1.41")
        assert host.state().api_version == "1.41"

    def test_versions_are_numbers_and_not_decimals(self) -> None:
        assert choose_version("1.5", "1.100", host="h1") == "1.52"


class TestCalls:
    def test_every_call_tells_run_and_epoch(self, server: ApiServer, host: DockerHost) -> None:
        host.state()
        host.find_container("c1")
        with pytest.raises(NotFoundError):
            host.execute("c1", ["true"], timedelta(seconds=5))
        server.answers["POST /containers/c1/exec"] = Answer(201, {"Id": "e1"})
        with pytest.raises(NotFoundError):
            host.execute("c1", ["true"], timedelta(seconds=5))
        assert server.paths[-1] == "POST /v1.41/exec/e1/start"
        assert all((head["X-Drp-Run"], head["X-Drp-Epoch"]) == ("r1", "7") for head in server.headers[1:])

    def test_time_of_the_engine(self, host: DockerHost) -> None:
        assert host.state().time.isoformat() == "2031-03-04T05:06:07.123456+00:00"

    def test_an_id_that_begins_alike_is_no_name(self, server: ApiServer, host: DockerHost) -> None:
        found = {
            "Name": "/other", "Id": "beef1234", "Image": "sha256:1", "Config": {}, "NetworkSettings": {},
            "State": {"Status": "running", "ExitCode": 0},
        }  # fmt: skip
        server.answers["GET /containers/beef/json"] = Answer(body=found)
        server.answers["GET /networks/beef"] = Answer(body={"Name": "other", "Id": "beef1234"})
        assert host.find_container("beef") is None
        assert host.find_network("beef") is None

    def test_a_container_without_the_image_it_was_asked_for(
        self, server: ApiServer, host: DockerHost
    ) -> None:
        server.answers["GET /images/sha256:1/json"] = Answer(body={"Id": "sha256:1999"})
        assert not host.has_image("sha256:1")


REFUSALS = [
    (400, "Bad parameter", RejectedError),
    (401, "authorization denied", DeniedError),
    (403, "Pool overlaps with other one on this address space", ConflictError),
    (403, "Address already in use", ConflictError),
    (403, "authorization denied by plugin", DeniedError),
    (404, "No such container: c1", NotFoundError),
    (409, "Conflict. The container name is already in use", ConflictError),
    (409, "removal of container c1 is already in progress", UnreachableError),
    (500, "Bind for 192.0.2.1:443 failed: port is already allocated", ConflictError),
    (500, "no space left on device", RejectedError),
    (502, "Bad Gateway", UnreachableError),
    (503, "Service Unavailable", UnreachableError),
]


class TestRefusals:
    @pytest.mark.parametrize(("status", "words", "kind"), REFUSALS)
    def test_each_means_one_error(
        self, server: ApiServer, host: DockerHost, status: int, words: str, kind: type[ProviderError]
    ) -> None:
        server.answers["POST /containers/c1/start"] = Answer(status, {"message": f"{words}.\n"})
        with pytest.raises(ProviderError) as caught:
            host.start_container("c1")
        assert type(caught.value) is kind
        said = words[0].lower() + words[1:]
        assert caught.value.message == f"cannot start container 'c1' on host 'h1': {said}"

    def test_what_is_no_json_is_said_as_it_is(self, server: ApiServer, host: DockerHost) -> None:
        server.answers["POST /containers/c1/start"] = Answer(502, b"<h1>Bad\nGateway</h1>")
        with pytest.raises(UnreachableError, match="<h1>Bad Gateway</h1>"):
            host.start_container("c1")

    def test_a_refused_stream(self, server: ApiServer, host: DockerHost) -> None:
        server.answers["POST /containers/c1/exec"] = Answer(201, {"Id": "e1"})
        server.answers["POST /exec/e1/start"] = Answer(503, b"x" * 100_000)
        with pytest.raises(UnreachableError, match="xxx"):
            host.execute("c1", ["true"], timedelta(seconds=5))

    def test_nobody_listens(self, tmp_path: Path) -> None:
        host = DockerHost(Engine("h1", f"unix://{tmp_path}/nothing.sock"))
        with pytest.raises(UnreachableError, match="cannot reach the engine on host 'h1'"):
            host.state()


class TestUrls:
    @pytest.mark.parametrize(
        "url", ["ssh://h1", "tcp://192.0.2.1", "http://192.0.2.1:2375", "unix://", "", "x"]
    )
    def test_only_two_kinds_are_taken(self, url: str) -> None:
        with pytest.raises(UsageError, match="neither tcp://address:port nor unix:///path"):
            Engine("h1", url)

    def test_no_network_without_tls(self) -> None:
        with pytest.raises(UsageError, match="it has no TLS"):
            Engine("h1", "tcp://192.0.2.1:2375")


class TestLoading:
    @pytest.mark.parametrize(
        ("report", "words"),
        [
            (b'{"stream":"Loaded image"}{"errorDetail":{},"error":"no space"}', "no space"),
            (b'{"stream":"Loaded im', "its report was cut"),
            (b"", "names none that it loaded"),
            (b'{"status":"Loading layer"}\r\n', "names none that it loaded"),
        ],
    )
    def test_a_report_without_success(
        self, server: ApiServer, host: DockerHost, report: bytes, words: str
    ) -> None:
        server.answers["POST /images/load"] = Answer(body=report)
        with pytest.raises(RejectedError, match=words):
            host.load_image([])

    def test_the_reader_of_another_host_fails(self, server: ApiServer, host: DockerHost) -> None:
        def source() -> Iterator[bytes]:
            yield b"begin"
            raise UnreachableError("cannot save image on host 'h2': cut")

        with pytest.raises(UnreachableError, match="on host 'h2'"):
            host.load_image(source())
