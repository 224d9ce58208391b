"""The helper's way in and out."""

from __future__ import annotations

import io
import json

import pytest

from drp import errors
from drp.dataplane import wire
from drp.errors import ConflictError, DrpError, NotFoundError, RateLimitedError, UnreachableError, UsageError
from drp.model.values import Secret


class ConditionLost(ConflictError):
    """A class only one side knows."""


def read(data: bytes) -> wire.Job:
    return wire.read_job(io.BytesIO(data))


def test_job_comes_back_with_its_secrets() -> None:
    job = read(wire.encode_job("readback", {"redis": None, "n": 3}, {"mongodb": Secret(b"\0pw\xff")}))
    assert (job.kind, job.params) == ("readback", {"redis": None, "n": 3})
    assert job.secrets["mongodb"].reveal() == b"\0pw\xff"


def test_job_is_read_without_waiting_for_end_of_input() -> None:
    stream = io.BytesIO(wire.encode_job("files", {}, {}) + b"more")
    wire.read_job(stream)
    assert stream.read() == b"more"


@pytest.mark.parametrize("cut", [0, 3, 8, 20])
def test_cut_job_is_refused(cut: int) -> None:
    with pytest.raises(UsageError, match="input ended"):
        read(wire.encode_job("files", {"a": "b" * 50}, {})[:cut])


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"job":1,"params":{},"secrets":{}}', b"\xff"])
def test_strange_job_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError, match="it is not"):
        read(len(body).to_bytes(8, "big") + body)


def test_strange_secret_is_refused_without_being_quoted() -> None:
    body = b'{"job":"x","params":{},"secrets":{"a":"hunter2!"}}'
    with pytest.raises(UsageError) as caught:
        read(len(body).to_bytes(8, "big") + body)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_output_gives_progress_and_result() -> None:
    seen: list[wire.Progress] = []
    lines: list[str | bytes] = [
        wire.render_progress(wire.Progress(done=5, total=9, unit="bytes")),
        "\n",
        b'{"kind":"result","data":{"n":1}}',
    ]
    assert wire.decode_output(lines, seen.append) == {"n": 1}
    assert seen == [wire.Progress(done=5, total=9, unit="bytes")]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ['{"kind":"progress","done":1,"total":2,"unit":"bytes"}'],
        ['{"kind":"progress","done":1,"total":2,"unit":"bytes"}', '{"kind":"resu'],
        ['{"kind":"result"}'],
        ["Traceback (most recent call last):"],
    ],
)
def test_cut_output_is_an_error(lines: list[str]) -> None:
    with pytest.raises(UnreachableError, match="output was cut"):
        wire.decode_output(lines)


def test_error_comes_back_as_the_same_class_with_state_and_hint() -> None:
    line = wire.render_error(
        NotFoundError("cannot find 'x': gone", state="as before", hint="Run `drp status`.")
    )
    with pytest.raises(NotFoundError) as caught:
        wire.decode_output([line])
    error = caught.value
    assert (error.message, error.state, error.hint) == (
        "cannot find 'x': gone",
        "as before",
        "Run `drp status`.",
    )


def test_error_of_an_inner_class_comes_back_as_its_public_one() -> None:
    with pytest.raises(ConflictError, match="taken") as caught:
        wire.decode_output([wire.render_error(ConditionLost("taken"))])
    assert type(caught.value) is ConflictError


def test_rate_limit_keeps_its_delay() -> None:
    with pytest.raises(RateLimitedError) as caught:
        wire.decode_output([wire.render_error(RateLimitedError("busy", retry_after=7.5))])
    assert caught.value.retry_after == 7.5


def test_every_error_class_survives() -> None:
    for name, kind in vars(errors).items():
        if (
            isinstance(kind, type)
            and issubclass(kind, DrpError)
            and kind not in (RateLimitedError, errors.ConfigError)
        ):
            assert type(wire.parse_error(json.loads(wire.render_error(kind("m"))))) is kind, name


def test_unknown_error_class_becomes_a_failed_step() -> None:
    assert type(wire.parse_error({"kind": "error", "class": "Problem", "message": "m"})) is errors.StepError
