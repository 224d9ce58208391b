"""Making containers whole, running one-shot ones and commands to their end."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import docker
import docker.errors

from drp.errors import ConflictError, RejectedError, UnreachableError
from drp.model.specs import Attachment, ContainerSpec
from drp.ports.hosts import ExecResult
from drp.providers.docker.engine import Engine
from drp.providers.docker.faults import FOREIGN, translated
from drp.providers.docker.streams import STDERR, STDOUT, Deadline, Stream, iter_lines
from drp.providers.docker.translate import build_container, build_endpoint

GRACE: Final = 5.0
"""Seconds a container may take to be seen as ended after its output has."""

_UNFINISHED: Final = ".unfinished"

_TAIL_PIECES: Final = 16
_TAIL: Final = 2000
"""Characters of standard error that go into a message."""


def create(engine: Engine, spec: ContainerSpec) -> None:
    """Create with all attachments or not at all: the name is given when the rest is done."""
    api = engine.change
    if _exists(engine, spec.name):
        raise ConflictError(
            f"cannot create container '{spec.name}' on host '{engine.host}': the name is taken"
        )
    unfinished = f"{spec.name}{_UNFINISHED}"
    _remove_one(api, unfinished)
    made = _make(engine, spec, unfinished)
    try:
        api.rename(made, spec.name)
    except docker.errors.APIError:
        _remove_one(api, made)
        raise


def _exists(engine: Engine, name: str) -> bool:
    try:
        return bool(engine.look.inspect_container(name)["Name"] == f"/{name}")
    except docker.errors.NotFound:
        return False


Shape = Callable[[ContainerSpec], dict[str, Any]]
"""How a spec becomes the body of a request."""


def _make(engine: Engine, spec: ContainerSpec, name: str, shape: Shape = build_container) -> str:
    """Id of a new container with all its attachments; nothing is left of it when one fails."""
    _check_parts(engine, spec)
    body = shape(spec)
    made = str(engine.change.create_container_from_config(body, name)["Id"])  # type: ignore[no-untyped-call]
    try:
        for link in spec.attachments[1:]:
            connect(engine, made, link)
    except FOREIGN:
        _clean_up(engine, made)
        raise
    return made


def _clean_up(engine: Engine, container: str) -> None:
    """Remove after a failure, when the engine lets us; the failure is what is told."""
    with contextlib.suppress(*FOREIGN):
        path, force = f"/containers/{container}", {"v": "1", "force": "1"}
        engine.request("DELETE", path, wait=engine.patience.cleanup, params=force).close()


def _check_parts(engine: Engine, spec: ContainerSpec) -> None:
    """The engine itself would invent a missing volume, and miss a network only at the start."""
    for mount in spec.mounts:
        if mount.volume is not None:
            engine.look.inspect_volume(mount.volume)
    for link in spec.attachments:
        engine.look.inspect_network(link.network)


def connect(engine: Engine, container: str, link: Attachment) -> None:
    """Connect to one more network."""
    body = {"Container": container, "EndpointConfig": build_endpoint(link)}
    engine.request(
        "POST", f"/networks/{link.network}/connect", wait=engine.patience.change, json=body
    ).close()


def remove(api: docker.APIClient, container: str) -> None:
    """Remove by force, with the volumes that its image made, and one of which the creation was broken off.

    A missing one is no error.
    """
    _remove_one(api, f"{container}{_UNFINISHED}")
    _remove_one(api, container)


def _remove_one(api: docker.APIClient, container: str) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        api.remove_container(container, v=True, force=True)


def stop(engine: Engine, container: str, grace: timedelta) -> None:
    """SIGTERM, then SIGKILL after the grace (whole seconds, rounded up)."""
    seconds = math.ceil(grace.total_seconds())
    path = f"/containers/{container}/stop"
    engine.request("POST", path, wait=engine.patience.change + seconds, params={"t": seconds}).close()


def execute(engine: Engine, container: str, argv: Sequence[str], *, deadline: timedelta) -> ExecResult:
    """Run a command to its end; its output is that of both streams."""
    doing = f"execute '{argv[0]}' in '{container}' on host '{engine.host}'"
    until = Deadline(deadline, doing)
    started = engine.look.exec_create(container, [*argv])["Id"]
    connection = engine.upgrade(f"/exec/{started}/start", {"Detach": False, "Tty": False})
    with contextlib.closing(
        Stream(
            connection,
            until,
            idle=engine.patience.look,
            is_alive=lambda: bool(engine.look.exec_inspect(started)["Running"]),
        )
    ) as stream:
        output = b"".join(frame.data for frame in stream.frames())
    code = engine.look.exec_inspect(started)["ExitCode"]
    if code is None:
        raise UnreachableError(f"cannot {doing}: its output was cut, it still runs")
    return ExecResult(exit_code=code, output=output.decode(errors="replace"))


def run_once(
    engine: Engine, spec: ContainerSpec, stdin: bytes, *, deadline: timedelta, shape: Shape = build_container
) -> Generator[bytes, None, None]:
    """Lines of a one-shot container, which is gone afterwards however it ends."""
    doing = f"run '{spec.name}' on host '{engine.host}'"
    until = Deadline(deadline, doing)
    with translated(engine.host, f"run '{spec.name}'"):
        remove(engine.change, spec.name)
        made = _make(engine, spec, spec.name, shape)
    try:
        with translated(engine.host, f"run '{spec.name}'"):
            tail: deque[bytes] = deque(maxlen=_TAIL_PIECES)
            with contextlib.closing(_attach(engine, made, until)) as stream:
                # attached before the start, so that no output is missed and none is kept
                engine.change.start(made)
                stream.send(stdin)
                yield from iter_lines(_iter_output(stream, tail))
            _check_end(engine, made, doing=doing, tail=tail)
    except BaseException:
        _clean_up(engine, made)
        raise
    with translated(engine.host, f"remove '{spec.name}'"):
        remove(engine.change, made)


def _attach(engine: Engine, container: str, until: Deadline) -> Stream:
    connection = engine.upgrade(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1")

    def is_alive() -> bool:
        return bool(engine.look.inspect_container(container)["State"]["Running"])

    return Stream(connection, until, idle=engine.patience.look, is_alive=is_alive)


def _iter_output(stream: Stream, tail: deque[bytes]) -> Iterator[bytes]:
    """Pieces of standard output; standard error goes into ``tail``."""
    for frame in stream.frames():
        if frame.stream == STDOUT:
            yield frame.data
        elif frame.stream == STDERR:
            tail.append(frame.data)


def _check_end(engine: Engine, container: str, *, doing: str, tail: deque[bytes]) -> None:
    """Raises UnreachableError when it still runs, RejectedError when it ended with another code than 0."""
    engine.request("POST", f"/containers/{container}/wait", wait=GRACE).close()
    state: dict[str, Any] = engine.look.inspect_container(container)["State"]
    if state["ExitCode"] == 0:
        return
    reason = " (out of memory)" if state.get("OOMKilled") else ""
    words = b"".join(tail).decode(errors="replace").strip()[-_TAIL:]
    raise RejectedError(
        f"cannot {doing}: exit code {state['ExitCode']}{reason}: {words or 'it said nothing'}"
    )
