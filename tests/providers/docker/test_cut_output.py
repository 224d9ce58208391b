"""A helper's answer that is cut on its way, at every byte: it is whole, or it is no answer."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from drp.dataplane.wire import Progress, decode_output, render_progress, render_result
from drp.errors import UnreachableError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job
from drp.providers.docker.engine import Engine, Patience
from drp.providers.docker.helpers import DockerHelpers
from drp.providers.docker.host import DockerHost
from drp.providers.docker.streams import STDERR, STDOUT, iter_lines
from tests.providers.docker.api_server import Answer, ApiServer, api_server

SHORT = Patience(connect=1, look=5, change=5, transfer=5, cleanup=1)
RESULT: JsonMap = {"documents": 412, "sha256": "ab" * 8, "lost": []}
LINES = [
    render_progress(Progress(done=1, total=2, unit="bytes")),
    render_progress(Progress(done=2, total=2, unit="bytes")),
    render_result(RESULT),
]
TEXT = "".join(f"{line}\n" for line in LINES).encode()
SPEC = ContainerSpec(
    name="job", image="sha256:0", command=("job",), labels={}, uid=1000, gid=1000,
    memory=64 * 2**20, cpus=1.0, pids=16, stop_timeout=1, logs=False, stdin=True,
)  # fmt: skip


def frame(number: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", number, len(data)) + data


_HEADS = (b"\x01\0\0\0", b"\x02\0\0\0")
STREAM = frame(STDERR, b"hello") + b"".join(
    frame(STDOUT, TEXT[start : start + 40]) for start in range(0, len(TEXT), 40)
)


def test_lines_cut_at_any_byte_are_no_answer() -> None:
    for length in range(len(TEXT) - 1):
        with pytest.raises(UnreachableError, match="output was cut"):
            decode_output(iter_lines(iter([TEXT[:length]])))
    for length in (len(TEXT) - 1, len(TEXT)):  # the last line's own end says nothing
        assert decode_output(iter_lines(iter([TEXT[:length]]))) == RESULT


def test_an_error_cut_at_any_byte_is_not_taken_for_another() -> None:
    text = json.dumps({"kind": "error", "class": "RefusedError", "message": "cannot: no"}).encode()
    for length in range(len(text)):
        with pytest.raises(UnreachableError, match="output was cut"):
            decode_output(iter_lines(iter([text[:length]])))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """An engine that says of every job that it ended well."""
    with api_server(tmp_path) as running:
        running.answers |= {
            "POST /containers/create": Answer(201, {"Id": "made"}),
            "POST /containers/made/start": Answer(204),
            "POST /containers/made/wait": Answer(body={"StatusCode": 0}),
            "GET /containers/made/json": Answer(body={"State": {"Running": False, "ExitCode": 0}}),
            "DELETE /containers/made": Answer(204),
        }
        yield running


def run_job(server: ApiServer, sent: bytes) -> JsonMap:
    server.answers["POST /containers/made/attach"] = Answer(body=sent, stream=True)
    host = DockerHost(Engine("h1", server.url, patience=SHORT))
    helpers = DockerHelpers(lambda name: host)
    job = Job(kind="restore", params={}, secrets={})
    deadline = timedelta(seconds=20)
    return helpers.run("h1", SPEC, job, deadline=deadline, progress=lambda data: None)


def test_a_stream_cut_anywhere_is_no_answer_even_of_a_job_that_ended_well(server: ApiServer) -> None:
    """At each end of a frame, where nothing of the format is broken, and inside of each."""
    ends = [place for place in range(len(STREAM)) if STREAM[place : place + 4] in _HEADS]
    places = {*ends, *(end + 3 for end in ends), *(end + 20 for end in ends), len(STREAM) - 1}
    for length in sorted(place for place in places if place < len(STREAM)):
        with pytest.raises(UnreachableError):
            run_job(server, STREAM[:length])
        assert server.paths[-1].startswith("DELETE /v1.41/containers/made")
    assert run_job(server, STREAM) == RESULT
