"""An edge made of HAProxy in a container, reached through its host's engine.

Reads ask the running proxy. A change is one command in the container: map file first, then the proxy,
under a lock; what it says afterwards is compared with what was asked for. Private keys travel as files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from drp.errors import DeadlineError, RejectedError, UnreachableError
from drp.model.specs import FileSpec
from drp.model.values import Secret
from drp.ports.edges import Route
from drp.ports.hosts import ContainerState, ExecResult
from drp.providers.edge.certificates import normalise_pem
from drp.providers.edge.config import (
    MAPS,
    EdgeSettings,
    build_certificate_file,
    build_file,
    build_files,
    render_script,
)
from drp.providers.edge.state import (
    EdgeState,
    check_name,
    parse_state,
    render_route,
)

_DEADLINE: Final = timedelta(seconds=30)
_WHOLE: Final = "[end]\n"
"""Ends the output of a script that did its work; an engine may tell the exit code of an output it cut."""
_SILENT: Final = 3
"""Exit code of the script when the proxy does not answer."""


class Containers(Protocol):
    """The part of ``ports.hosts.Host`` that an edge needs."""

    def find_container(self, name: str) -> ContainerState | None: ...

    def read_file(self, container: str, path: str) -> bytes | None: ...

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None: ...

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult: ...


class HaproxyEdge:
    """``ports.edges.Edge`` on a host. Errors of the host pass through."""

    def __init__(self, host: Containers, settings: EdgeSettings) -> None:
        self._host = host
        self._settings = settings
        self._script = render_script(settings)

    # looking

    def is_installed(self) -> bool:
        return all(self._read(file.name) == file.content.reveal() for file in build_files(self._settings))

    def find_route(self, name: str) -> Route | None:
        return self._state().routes.get(name)

    def routes(self) -> dict[str, Route]:
        return dict(self._state().routes)

    def is_held(self, name: str) -> bool:
        return name in self._state().held

    def permitted_until(self) -> datetime | None:
        return self._state().until

    def fenced(self) -> frozenset[str]:
        return self._state().fenced

    def requests_in_flight(self, name: str) -> int:
        return self._state().in_flight.get(name, 0)

    def requests_total(self, name: str) -> int:
        return self._state().answered.get(name, 0)

    def quiet_for(self, name: str) -> timedelta:
        return self._state().quiet_for(name)

    def has_certificate(self, name: str, fingerprint: str) -> bool:
        check_name(name)
        shown = self._run("look at the certificate of", name, "fingerprint", name).strip()
        return bool(shown) and shown == fingerprint

    # changing

    def install(self) -> None:
        """Into a created or running container; a running proxy is reloaded.

        RejectedError: it holds requests, or the configuration is wrong; then nothing has changed.
        """
        files = build_files(self._settings)
        before = {file.name: self._read(file.name) for file in files}
        missing = [build_file(name, "", self._settings) for name in MAPS if self._read(name) is None]
        self._put([*files, *missing])
        found = self._host.find_container(self._settings.container)
        if found is None or not found.running:
            return
        try:
            self._run("reload", self._settings.container, "reload")
        except RejectedError:
            old = [(name, content) for name, content in before.items() if content is not None]
            self._put([build_file(name, content.decode(), self._settings) for name, content in old])
            raise

    def set_route(self, name: str, route: Route | None) -> None:
        value = "" if route is None else render_route(route)
        if self._set("routes", name, value).routes.get(name) != route:
            raise RejectedError(f"cannot route '{name}': the running proxy did not take it")

    def permit(self, until: datetime) -> None:
        milliseconds = round(until.timestamp() * 1000)
        said = parse_state(self._run("permit", self._settings.container, "permit", str(milliseconds)))
        if said.until_ms != milliseconds:
            raise RejectedError("cannot permit the edge to answer: the running proxy did not take it")

    def hold(self, name: str, limit: timedelta) -> None:
        seconds = limit.total_seconds()
        if self._set("held", name, f"{seconds:.3f}").held.get(name) != seconds:
            raise RejectedError(f"cannot hold '{name}': the running proxy did not take it")

    def release(self, name: str) -> None:
        if name in self._set("held", name, "").held:
            raise RejectedError(f"cannot release '{name}': the running proxy did not take it")

    def set_certificate(self, name: str, pem: Secret) -> None:
        """Raises RejectedError when the chain is not good for the name or the key is another's."""
        check_name(name)
        content, fingerprint = normalise_pem(name, pem)
        self._put_certificate(name, content)
        self._run("install the certificate of", name, "certificate", name)
        if not self.has_certificate(name, fingerprint):
            raise RejectedError(
                f"cannot install the certificate of '{name}': the proxy presents another", page="G13"
            )

    def remove_certificate(self, name: str) -> None:
        """The file stays, empty: its directory belongs to the host."""
        check_name(name)
        if self._run("look at the certificate of", name, "file", name):
            self._put_certificate(name, Secret(b""))
        self._run("remove the certificate of", name, "no-certificate", name)

    def _put_certificate(self, name: str, content: Secret) -> None:
        file = build_certificate_file(name, content, self._settings)
        self._host.put_files(self._settings.container, self._settings.secrets, [file])

    def _put(self, files: Sequence[FileSpec]) -> None:
        self._host.put_files(self._settings.container, self._settings.config, files)

    def _read(self, file: str) -> bytes | None:
        return self._host.read_file(self._settings.container, f"{self._settings.config}/{file}")

    def _state(self) -> EdgeState:
        return parse_state(self._run("look at", self._settings.container, "show"))

    def _set(self, map_name: str, name: str, value: str) -> EdgeState:
        check_name(name)
        return parse_state(self._run("change", name, "set", map_name, name, value))

    def _run(self, verb: str, what: str, *words: str) -> str:
        argv = ["/bin/sh", "-c", self._script, "drp-edge", *words]
        failed = f"cannot {verb} '{what}'"
        try:
            result = self._host.execute(self._settings.container, argv, _DEADLINE)
        except DeadlineError as cause:
            raise UnreachableError(f"{failed}: no answer from the edge in time", page="C20") from cause
        if result.exit_code == _SILENT:
            raise UnreachableError(f"{failed}: the proxy does not answer", page="C20")
        if result.exit_code != 0:
            reason = " ".join(result.output.split()) or f"exit code {result.exit_code}"
            raise RejectedError(f"{failed}: {reason}")
        if not result.output.endswith(_WHOLE):
            raise UnreachableError(f"{failed}: its output was cut")
        return result.output.removesuffix(_WHOLE)
