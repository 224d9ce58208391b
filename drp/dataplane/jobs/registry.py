"""Which job does what, by its kind. Its module is loaded when it is asked for: some need few libraries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from drp.dataplane.job import Context
from drp.errors import UsageError
from drp.model.values import JsonMap

JOBS: Final[Mapping[str, str]] = {
    "backup": "backup:run_backup",
    "restore": "restore:run_restore",
    "readback": "readback:run_readback",
    "accounts": "databases:run_accounts",
    "sessions": "databases:run_sessions",
    "drop-collection": "databases:run_drop_collection",
    "check-login": "databases:run_check_login",
    "ttl-monitor": "databases:run_ttl_monitor",
    "wait-ready": "databases:run_wait_ready",
    "http": "http:run_http",
    "files": "files:run_files",
    "survey": "survey:run_survey",
    "reach": "reach:run_reach",
    "stand-in": "reach:run_stand_in",
}
"""Kind -> module beside this one, and the function in it: (Context) -> data."""


def run_job(context: Context) -> JsonMap:
    """The job's data. Raises UsageError for an unknown kind, else what the job raises."""
    place = JOBS.get(context.job.kind)
    if place is None:
        raise UsageError(f"cannot run job '{context.job.kind}': no such job")
    module, function = place.split(":")
    data: JsonMap = getattr(import_module(f"drp.dataplane.jobs.{module}"), function)(context)
    return data
