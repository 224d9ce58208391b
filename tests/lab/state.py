"""Which laboratories of this checkout there are: one file each in .lab/."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.remains import PREFIX

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / ".lab"
_WANTED_BYTES = 4 << 30
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A laboratory as others see it. ``kept`` means that `make lab-down` is to end it."""

    lab_id: str
    root: Path
    owner: int
    owner_start: str
    kept: bool

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.lab_id}.json"

    @property
    def cgroup(self) -> str:
        return PREFIX + self.lab_id

    def save(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        words = {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        self.file.write_text(json.dumps(words, indent=1))

    def is_owned(self) -> bool:
        """Whether the process that made the lab is still there."""
        return find_start(self.owner) == self.owner_start


def build_state(*, kept: bool) -> State:
    """A new laboratory of this process, its root in memory when there is room."""
    lab_id = secrets.token_hex(3)
    return State(
        lab_id=lab_id,
        root=choose_folder() / (PREFIX + lab_id),
        owner=os.getpid(),
        owner_start=find_start(os.getpid()) or "",
        kept=kept,
    )


def choose_folder() -> Path:
    """Where roots of laboratories lie."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
        runs_programs = not os.statvfs(_SHARED_MEMORY).f_flag & os.ST_NOEXEC
        with tempfile.NamedTemporaryFile(dir=_SHARED_MEMORY) as file:
            # the object store keeps what it knows of an object there; tmpfs can since Linux 6.6
            os.setxattr(file.name, "user.drp", b"1")
    except OSError:
        return FOLDER
    return _SHARED_MEMORY if free >= _WANTED_BYTES and runs_programs else FOLDER


def load_states() -> list[State]:
    """All laboratories that this checkout knows."""
    states = []
    for file in sorted(FOLDER.glob("*.json")):
        words = json.loads(file.read_text())
        states.append(State(**{**words, "root": Path(words["root"])}))
    return states


def find_start(pid: int) -> str | None:
    """When a process began, in the kernel's words; with the pid it names a process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
