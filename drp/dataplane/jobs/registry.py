"""Which job does what, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drp.dataplane.job import Context
from drp.dataplane.jobs.backup import run_backup
from drp.dataplane.jobs.databases import (
    run_accounts,
    run_check_login,
    run_drop_collection,
    run_sessions,
    run_ttl_monitor,
    run_wait_ready,
)
from drp.dataplane.jobs.files import run_files
from drp.dataplane.jobs.http import run_http
from drp.dataplane.jobs.readback import run_readback
from drp.dataplane.jobs.restore import run_restore
from drp.errors import UsageError
from drp.model.values import JsonMap

JOBS: Mapping[str, Callable[[Context], JsonMap]] = {
    "backup": run_backup,
    "restore": run_restore,
    "readback": run_readback,
    "accounts": run_accounts,
    "sessions": run_sessions,
    "drop-collection": run_drop_collection,
    "check-login": run_check_login,
    "ttl-monitor": run_ttl_monitor,
    "wait-ready": run_wait_ready,
    "http": run_http,
    "files": run_files,
}


def run_job(context: Context) -> JsonMap:
    """The job's data. Raises UsageError for an unknown kind, else what the job raises."""
    job = JOBS.get(context.job.kind)
    if job is None:
        raise UsageError(f"cannot run job '{context.job.kind}': no such job")
    return job(context)
