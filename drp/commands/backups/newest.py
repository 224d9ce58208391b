"""How old the backup is that a restore of a tenant would take."""

from __future__ import annotations

from drp.actions.action import ReadPorts
from drp.actions.history import find_newest, seconds_since
from drp.commands.results import BackupFact
from drp.errors import DrpError
from drp.model.inventory import Tenant


def find_backup(ports: ReadPorts, tenant: Tenant) -> BackupFact:
    """Never raises a ``DrpError``: what cannot be seen is said."""
    alarm_s = tenant.backup_policy.alarm.total_seconds()
    try:
        found = find_newest(ports, tenant)
    except DrpError as error:
        return BackupFact(tenant=tenant.name, alarm_s=alarm_s, reason=error.message)
    if found is None:
        return BackupFact(tenant=tenant.name, alarm_s=alarm_s)
    return BackupFact(
        tenant=tenant.name,
        alarm_s=alarm_s,
        id=found.backup_id,
        age_s=seconds_since(found.began, ports.clock.now()),
        documents=found.total().documents,
    )
