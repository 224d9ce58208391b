"""All verbs there are, in the order of the help; a verb of two words belongs to a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.grammar import (
    backups,
    bundle,
    changes,
    configuration,
    drill,
    fleet,
    journals,
    looking,
    readiness,
    reports,
    runbooks,
    runs,
    schedule,
    serving,
    shell,
)
from drp.cli.grammar.verb import Verb

VERBS: Final[Mapping[str, Verb]] = {
    **changes.VERBS,
    **fleet.VERBS,
    **drill.VERBS,
    **schedule.VERBS,
    **backups.VERBS,
    **bundle.VERBS,
    **serving.VERBS,
    **looking.VERBS,
    **readiness.VERBS,
    **runs.VERBS,
    **reports.VERBS,
    **runbooks.VERBS,
    **journals.VERBS,
    **configuration.VERBS,
    **shell.VERBS,
}
GROUPS: Final[Mapping[str, str]] = {
    "plan": "What VERB would do; changes nothing.",
    "drill": "Proofs that backups can be restored.",
    "drill schedule": "When the controller begins drills.",
    "backups": "The backups that there are.",
    "bundle": "All that a failover needs, in one folder.",
    "runbook": "Runbooks as files: are they right, what do they do.",
    "evidence": "The proof of a run: verify it, take one tenant's part out of it.",
    "journal": "The journals of runs.",
    "config": "The configuration: begin one, show it, its schema.",
    "secrets": "The sealed file of secrets.",
}
"""``plan`` has the planned verbs once more."""
