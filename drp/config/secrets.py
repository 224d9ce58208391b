"""From a reference to the secret: as late as possible, once, and never into a message."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drp.config.sealed import SealedContent
from drp.errors import DeniedError, NotFoundError
from drp.model.inventory import SecretRef
from drp.model.values import Secret

_COMMAND_SECONDS: Final = 60.0

RunCommand = Callable[[str], Secret]


class SecretResolver:
    """Resolves references; may be called from any thread. ``open_file`` is called once, at the first need."""

    def __init__(
        self,
        open_file: Callable[[], SealedContent],
        environment: Mapping[str, str],
        *,
        shown: str,
        run_command: RunCommand | None = None,
    ) -> None:
        """``shown``: the sealed file's name in messages; ``environment``: where ``env:`` looks."""
        self._open_file = open_file
        self._environment = environment
        self._shown = shown
        self._run_command = run_command or read_command
        self._content: SealedContent | None = None
        self._found: dict[SecretRef, Secret] = {}
        self._lock = threading.RLock()

    def resolve(self, ref: SecretRef) -> Secret:
        """The secret. Raises NotFoundError, DeniedError, and what opening the sealed file raises."""
        with self._lock:
            if ref not in self._found:
                self._found[ref] = self._find(ref)
            return self._found[ref]

    def open(self) -> SealedContent:
        """Open the sealed file now, so that a wrong key is known before anything is touched."""
        with self._lock:
            if self._content is None:
                self._content = self._open_file()
            return self._content

    def _find(self, ref: SecretRef) -> Secret:
        match ref.kind:
            case "sealed":
                return self._find_sealed(ref.name)
            case "env":
                return self._find_variable(ref.name)
            case "file":
                return read_secret_file(Path(ref.name))
            case "command":
                return self._run_command(ref.name)

    def _find_sealed(self, name: str) -> Secret:
        entry = self.open().entries.get(name)
        if entry is None:
            raise NotFoundError(
                f"cannot read secret '{name}': '{self._shown}' has no such entry",
                hint=f"Add it with `drp secrets set {name}`.",
            )
        return entry.value

    def _find_variable(self, name: str) -> Secret:
        value = self._environment.get(name)
        if not value:
            raise NotFoundError(
                f"cannot read secret 'env:{name}': the variable is not set", hint=f"Set {name} and try again."
            )
        return Secret(value.encode())


def read_secret_file(path: Path) -> Secret:
    """The file's bytes as they are. Raises NotFoundError, DeniedError."""
    try:
        return Secret(path.read_bytes())
    except PermissionError as error:
        raise DeniedError(f"cannot read secret 'file:{path}': {error.strerror}") from error
    except OSError as error:
        raise NotFoundError(f"cannot read secret 'file:{path}': {error.strerror}") from error


def read_command(command: str) -> Secret:
    """What the command (no shell) writes to its standard output, without the last line feed.

    Raises NotFoundError when it cannot be started, DeniedError when it fails, is late or says nothing.
    Its output and errors are never shown.
    """
    shown = command.split(" ")[0]
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DeniedError(
            f"cannot read secret by command '{shown}': no end in {_COMMAND_SECONDS:.0f} s"
        ) from None
    except (OSError, IndexError, ValueError) as error:
        raise NotFoundError(f"cannot read secret by command '{shown}': it cannot be started") from error
    if done.returncode != 0:
        raise DeniedError(
            f"cannot read secret by command '{shown}': exit code {done.returncode}",
            hint="Run the command by hand to see why.",
        )
    value = done.stdout.removesuffix(b"\n")
    if not value:
        raise DeniedError(f"cannot read secret by command '{shown}': it wrote nothing")
    return Secret(value)
