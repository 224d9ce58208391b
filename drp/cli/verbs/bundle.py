"""Verbs about the bundle of all that a failover needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.bundle.fetching import get_bundle
from drp.commands.bundle.keeping import keep_bundle
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


def put(session: Session) -> Result:
    workshop = session.open()
    if session.common.dry_run:
        stores = workshop.inventory.policies.bundle.stores
        return Listing(
            lines=tuple(f"would put one into {name}" for name in stores), data={"stores": [*stores]}
        )
    return keep_bundle(workshop, session.state)


def get(session: Session) -> Result:
    """From a store that no configuration here need name; what is here says who may sign, if anything does."""
    invocation, config = session.invocation, session.common.config
    words, out = invocation.store, invocation.out
    assert out is not None
    if session.common.dry_run:
        return Listing(lines=(f"would write {out}",), data={"folder": str(out)})
    known = load_inventory(config) if config.is_dir() else None
    store = session.process.open_store(words.url, words.bucket, words.region, words.credentials)
    return get_bundle(store, out, bundle=invocation.subject, known=known, keys=words.keys)


DO: Final[Mapping[str, Do]] = {
    "bundle make": make,
    "bundle put": put,
    "bundle get": get,
    "bundle verify": verify,
}
