"""Who answers: an option, a person at a terminal, or nobody; never a guess."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from drp.cli.screen import Screen
from drp.commands.events import Emit, QuestionEvent
from drp.errors import RefusedError
from drp.model.values import Secret

_YES: Final = frozenset({"y", "yes"})
_NOBODY: Final = "there is no terminal to answer on"


class Answers:
    """Questions go to standard error. ``may_ask``: a person is there."""

    def __init__(
        self, stdin: TextIO, stderr: Screen, *, yes: bool, may_ask: bool, emit: Emit | None = None
    ) -> None:
        """``emit`` is told of questions that nobody can answer."""
        self._emit = emit
        self._stdin = stdin
        self._stderr = stderr
        self._yes = yes
        self._may_ask = may_ask
        self.is_waiting = False
        """A person is being asked: nobody else may speak now."""

    def ask(self, question: QuestionEvent) -> bool:
        """y/N; Enter and end of input are No. Raises RefusedError, naming the flag, when nobody is there."""
        if self._yes and question.flag == "--yes":
            # It stands for no other option: not for a count, an accepted loss or a mode.
            return True
        self._require_person(question)
        with self._waiting():
            self._stderr.write(f"{question.text} [y/N] ")
            return self._stdin.readline().strip().lower() in _YES

    def type_in(self, question: QuestionEvent) -> str:
        """A typed line. Raises RefusedError, naming the flag, when nobody is there."""
        self._require_person(question)
        with self._waiting():
            self._stderr.write(f"{question.text} ")
            return self._stdin.readline().strip()

    def passphrase(self, file: str) -> Secret:
        """Typed unseen. Raises RefusedError when nobody is there."""
        return self._hidden(f"Passphrase of {file}: ", f"ask the passphrase of '{file}'", flag="--key-file")

    def secret(self, name: str, file: Path | None) -> Secret:
        """From a file, typed unseen on a terminal, else standard input to its end. Raises RefusedError."""
        if file is not None:
            try:
                return Secret(file.read_bytes())
            except OSError as error:
                raise RefusedError(f"cannot read '{file}': {error.strerror}") from error
        if self._stdin.isatty():
            return self._hidden(f"Secret '{name}': ", f"ask secret '{name}'", flag="--file")
        return Secret(self._stdin.buffer.read().removesuffix(b"\n"))

    def _require_person(self, question: QuestionEvent) -> None:
        if self._may_ask:
            return
        if self._emit is not None:
            self._emit(question)
        raise RefusedError(
            f"cannot ask '{question.text}': {_NOBODY}",
            state="nothing was touched",
            hint=f"Add `{question.flag}` to the command.",
        )

    def _hidden(self, prompt: str, what: str, *, flag: str) -> Secret:
        if not self._may_ask:
            raise RefusedError(f"cannot {what}: {_NOBODY}", hint=f"Add `{flag} FILE` to the command.")
        with self._waiting():
            return Secret(getpass.getpass(prompt).encode())

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False
