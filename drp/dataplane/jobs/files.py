"""Job ``files``: owners, modes and directories of volumes and of the host tmpfs that holds secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from drp.dataplane.job import Context
from drp.dataplane.jobs.params import FileOperation, FilesParams
from drp.errors import DeniedError, NotFoundError, RejectedError, UsageError
from drp.model.values import Json, JsonMap

MARKER = ".drp"
"""An engine gives an empty volume the owner of the image's folder at every start; this file keeps it."""
_MOUNTS = Path("/proc/self/mountinfo")


def run_files(context: Context) -> JsonMap:
    """Does the operations in order; ``stat`` and ``statfs`` tell by path. All may be done again."""
    params = context.parse(FilesParams)
    told: dict[str, dict[str, Json]] = {"stat": {}, "statfs": {}}
    for operation in params.operations:
        path = check_path(operation.path)
        try:
            answer = _OPERATIONS[operation.op](path, operation)
        except KeyError:
            raise UsageError(f"cannot do '{operation.op}' to '{path}': no such operation") from None
        except PermissionError as error:
            raise DeniedError(f"cannot {operation.op} '{path}': {error.strerror}") from error
        except FileNotFoundError as error:
            raise NotFoundError(f"cannot {operation.op} '{path}': no such file") from error
        except OSError as error:
            raise RejectedError(f"cannot {operation.op} '{path}': {error.strerror}") from error
        if operation.op in told:
            told[operation.op][operation.path] = answer
    return {"done": len(params.operations), **told}


def check_path(path: str) -> Path:
    """An absolute path below the root, without detours. Raises UsageError."""
    found = Path(path)
    if not found.is_absolute() or ".." in found.parts or len(found.parts) < 2:
        raise UsageError(f"cannot touch '{path}': give an absolute path without '..'")
    return found


def _mkdir(path: Path, operation: FileOperation) -> Json:
    path.mkdir(parents=True, exist_ok=True)
    _own(path, operation)
    return None


def _own(path: Path, operation: FileOperation) -> Json:
    if operation.uid is not None or operation.gid is not None:
        uid = -1 if operation.uid is None else operation.uid
        gid = -1 if operation.gid is None else operation.gid
        os.chown(path, uid, gid, follow_symlinks=False)
    if operation.mode is not None:
        path.chmod(operation.mode)
    return None


def _mark(path: Path, operation: FileOperation) -> Json:
    marker = path / MARKER
    marker.touch()
    return _own(marker, operation)


def _remove(path: Path, _operation: FileOperation) -> Json:
    """A mount point cannot be removed itself: it is emptied."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
    elif os.path.ismount(path):
        for inner in path.iterdir():
            _remove(inner, _operation)
    else:
        shutil.rmtree(path)
    return None


def _stat(path: Path, _operation: FileOperation) -> Json:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return {"uid": found.st_uid, "gid": found.st_gid, "mode": found.st_mode & 0o7777, "size": found.st_size}


def _statfs(path: Path, _operation: FileOperation) -> Json:
    return find_filesystem(_MOUNTS.read_text(), path.resolve())


def find_filesystem(mounts: str, path: Path) -> str:
    """The type of file system that holds ``path``, from the text of a mountinfo (proc(5)).

    Raises NotFoundError.
    """
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(fields.split()[4].encode().decode("unicode_escape"))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), rest.split()[0])
    if best is None:
        raise NotFoundError(f"cannot find the file system of '{path}': no mount holds it")
    return best[1]


_OPERATIONS: dict[str, Callable[[Path, FileOperation], Json]] = {
    "mkdir": _mkdir,
    "chown": _own,
    "chmod": _own,
    "mark": _mark,
    "remove": _remove,
    "stat": _stat,
    "statfs": _statfs,
}
