"""How the control plane and a helper speak: one job in on stdin, JSON lines out on stdout.

In:  8 bytes big-endian length, then JSON ``{"job": KIND, "params": {...}, "secrets": {name: base64}}``.
Out: ``{"kind": "progress", "done": n, "total": n, "unit": "bytes"}`` at most once a second, then exactly
one line ``{"kind": "result", "data": {...}}`` or ``{"kind": "error", "class": ..., "message": ...}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from drp import errors
from drp.errors import BugError, DrpError, RateLimitedError, StepError, UnreachableError, UsageError
from drp.model.values import JsonMap, Secret

_LENGTH = struct.Struct(">Q")
MAX_JOB_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a helper is to do; secrets live nowhere but in ``secrets``."""

    kind: str
    params: JsonMap
    secrets: Mapping[str, Secret]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is: ``done`` of ``total`` (0 = unknown) in ``unit`` (``bytes`` or ``documents``)."""

    done: int
    total: int
    unit: str


def encode_job(kind: str, params: JsonMap, secrets: Mapping[str, Secret]) -> bytes:
    """The bytes for a helper's stdin; they hold secrets and belong nowhere else."""
    sealed = {name: base64.b64encode(secret.reveal()).decode("ascii") for name, secret in secrets.items()}
    body = json.dumps({"job": kind, "params": params, "secrets": sealed}).encode()
    return _LENGTH.pack(len(body)) + body


def read_job(stream: BinaryIO) -> Job:
    """Reads one job and nothing beyond it. Raises UsageError when it is cut or not a job."""
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if length > MAX_JOB_BYTES:
        raise UsageError(f"cannot read the job: it claims {length} bytes, at most {MAX_JOB_BYTES} are taken")
    body = _read_exactly(stream, length)
    try:
        return _parse_job(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        # The cause is left out: it could quote a secret.
        raise UsageError("cannot read the job: it is not {job, params, secrets}") from None


def _parse_job(data: JsonMap) -> Job:
    kind, params, secrets = data["job"], data["params"], data["secrets"]
    if not (isinstance(kind, str) and isinstance(params, dict) and isinstance(secrets, dict)):
        raise TypeError("wrong types")
    opened = {name: Secret(base64.b64decode(str(value), validate=True)) for name, value in secrets.items()}
    return Job(kind=kind, params=params, secrets=opened)


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    parts: list[bytes] = []
    missing = length
    while missing:
        part = stream.read(missing)
        if not part:
            raise UsageError(f"cannot read the job: input ended {missing} bytes early")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def render_progress(progress: Progress) -> str:
    """One line without its newline."""
    fields = {"kind": "progress", "done": progress.done, "total": progress.total, "unit": progress.unit}
    return json.dumps(fields)


def render_result(data: JsonMap) -> str:
    """The last line of a job that was done."""
    return json.dumps({"kind": "result", "data": data})


def render_error(error: DrpError) -> str:
    """The last line of a job that failed; ``class`` is the nearest one of drp.errors."""
    line: JsonMap = {"kind": "error", "class": public_class(error).__name__, "message": error.message}
    line |= {
        name: text
        for name, text in (("state", error.state), ("hint", error.hint), ("page", error.page))
        if text
    }
    if isinstance(error, RateLimitedError):
        line["retry_after"] = error.retry_after
    return json.dumps(line)


def public_class(error: DrpError) -> type[DrpError]:
    """The nearest ancestor that both sides know by name."""
    for ancestor in type(error).__mro__:
        if ancestor.__module__ == errors.__name__ and issubclass(ancestor, DrpError):
            return ancestor
    return DrpError


def decode_output(
    lines: Iterable[str | bytes], on_progress: Callable[[Progress], None] | None = None
) -> JsonMap:
    """The data of the result line; ``lines`` may still be growing.

    Raises the error the helper reported, and UnreachableError when the output ends without a last line.
    """
    last: JsonMap | None = None
    for line in lines:
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
        if not text.strip():
            continue
        message = _parse_line(text)
        if message.get("kind") == "progress":
            if on_progress:
                on_progress(_parse_progress(message))
        else:
            last = message
    return _settle(last)


def _settle(last: JsonMap | None) -> JsonMap:
    if last is None:
        raise _cut("there is no result line")
    data = last.get("data")
    if last["kind"] == "result" and isinstance(data, dict):
        return data
    if last["kind"] == "error":
        raise parse_error(last)
    raise _cut("the last line is no result")


def _parse_line(text: str) -> JsonMap:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise _cut("a line is not whole") from error
    if not isinstance(message, dict) or message.get("kind") not in ("progress", "result", "error"):
        raise _cut("a line is of no known kind")
    return message


def _parse_progress(message: JsonMap) -> Progress:
    try:
        done, total = int(str(message["done"])), int(str(message["total"]))
    except (KeyError, ValueError) as error:
        raise _cut("a progress line has no numbers") from error
    return Progress(done=done, total=total, unit=str(message.get("unit", "bytes")))


def parse_error(message: JsonMap) -> DrpError:
    """The error a helper reported, as the class it named; an unknown name becomes StepError."""
    found = getattr(errors, str(message.get("class")), StepError)
    kind = found if isinstance(found, type) and issubclass(found, DrpError) else StepError
    text, state, hint, page = (str(message.get(name, "")) for name in ("message", "state", "hint", "page"))
    if kind is RateLimitedError:
        after = float(str(message.get("retry_after", 1)))
        return RateLimitedError(text, retry_after=after, state=state, hint=hint, page=page)
    if kind is errors.ConfigError:
        return BugError(text, state=state, hint=hint)
    return kind(text, state=state, hint=hint, page=page)


def _cut(cause: str) -> UnreachableError:
    return UnreachableError(f"cannot read the helper's answer: output was cut ({cause})")
