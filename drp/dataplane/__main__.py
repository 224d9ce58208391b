"""``python -m drp.dataplane``: one job from stdin, JSON lines to stdout, exit code 0 only with a result."""

from __future__ import annotations

import ctypes
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from drp.dataplane.doors import RealDoors
from drp.dataplane.job import Context, Reporter, write_line
from drp.dataplane.jobs.registry import run_job
from drp.dataplane.wire import read_job, render_error, render_result
from drp.errors import BugError, DrpError

_PR_SET_DUMPABLE = 4  # prctl(2)


def main(stdin: BinaryIO, write: Callable[[str], None]) -> int:
    """Exit code."""
    try:
        context = Context(job=read_job(stdin), doors=RealDoors(), report=Reporter(write))
        result = run_job(context)
    except DrpError as error:
        write(render_error(error))
        return error.exit_code
    except Exception as error:  # the boundary: the other side must get a last line whatever happens
        write(render_error(describe_bug(error)))
        return BugError.exit_code
    write(render_result(result))
    return 0


def describe_bug(error: Exception) -> BugError:
    """Where it happened and of what type; the text is left out, as it could quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    ours = [frame for frame in frames if "dataplane" in frame.filename]
    if ours:
        where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} ({where})"
    return BugError(f"cannot finish the job: {type(error).__name__} at {where}")


def protect_memory() -> None:
    """No core dump, no ptrace by others of the same user: secrets are in here."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    protect_memory()
    sys.exit(main(sys.stdin.buffer, write_line))
