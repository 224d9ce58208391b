"""Where runs are kept: ids, the state folder with one journal a run, and the way back from the witness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from drp.errors import RefusedError

TAIL_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""No 0 o 1 l i: they are read wrong over the telephone."""
TAIL_LENGTH: Final = 4
SUFFIX: Final = ".journal"


def build_run_id(verb: str, now: datetime, tail: str) -> str:
    """``migrate-261104-7f3a``; the date is that of ``now``'s own zone."""
    return f"{verb}-{now:%y%m%d}-{tail}"


def build_tail(choose: Callable[[str], str]) -> str:
    """Four letters, each picked by ``choose`` from the alphabet."""
    return "".join(choose(TAIL_ALPHABET) for _ in range(TAIL_LENGTH))


def tail_of(run: str) -> str:
    """``migrate-261104-7f3a`` -> ``7f3a``."""
    return run.rsplit("-", 1)[-1]


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder that holds ``RUN.journal`` and ``RUN.log``; only its owner may enter it."""

    path: Path

    def ensure(self) -> None:
        """Raises RefusedError when it cannot be made."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RefusedError(
                f"cannot use state folder '{self.path}': {error.strerror}",
                state="nothing was touched",
                hint="Name another with `--state DIR`.",
            ) from error

    def journal(self, run: str) -> Path:
        return self.path / f"{run}{SUFFIX}"

    def log(self, run: str) -> Path:
        return self.path / f"{run}.log"

    def runs(self) -> list[str]:
        """Ids of the runs whose journal is here, the newest journal last."""
        found = sorted(self.path.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [path.name.removesuffix(SUFFIX) for path in found]
