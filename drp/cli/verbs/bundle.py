"""Verbs about the bundle of all that a failover needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.bundle.making import make_bundle
from drp.commands.bundle.verifying import verify_bundle
from drp.commands.results import Listing, Result
from drp.commands.wiring import find_runbooks
from drp.config.load import load_inventory


def make(session: Session) -> Result:
    invocation, places = session.invocation, session.places()
    workshop, runbooks = session.open(), find_runbooks(places)
    assert invocation.out is not None
    if session.common.dry_run:
        return Listing(lines=(f"would write {invocation.out}",), data={"folder": str(invocation.out)})
    return make_bundle(workshop, places.config, runbooks, invocation.out, images=not invocation.no_images)


def verify(session: Session) -> Result:
    """By the configuration of this machine, when there is one."""
    config = session.common.config
    known = load_inventory(config) if config.is_dir() else None
    return verify_bundle(Path(session.invocation.subject), known)


DO: Final[Mapping[str, Do]] = {"bundle make": make, "bundle verify": verify}
