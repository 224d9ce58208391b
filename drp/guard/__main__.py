"""``python -m drp.guard`` guards this host for ever; ``tell JSON`` and ``told``: what it was told."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from drp.dataplane.s3 import S3Store
from drp.errors import DrpError, UsageError
from drp.guard.clock import HostClock
from drp.guard.guard import Guard
from drp.guard.messages import Envelope
from drp.guard.news import News
from drp.guard.peers import Peer, VouchServer
from drp.guard.proxy import Proxy
from drp.guard.settings import FILE, GuardSettings, read_settings
from drp.guard.told import Told

_SECRETS: Final = Path("/run/secrets")
_TURNS: Final = 5
"""Turns in a term."""
_WATCH_S: Final = 0.2

log = logging.getLogger("drp.guard")


def build_guard(settings: GuardSettings, envelope: Envelope) -> Guard:
    patience = settings.term_s / 3
    store = S3Store(settings.witness, access=settings.access, secret=settings.secret, patience_s=patience)
    return Guard(
        Proxy(settings.folder),
        witness=News(store, settings.site).taken,
        peers=[Peer(address, envelope, patience_s=patience).vouch for address in settings.peers],
        clock=HostClock(),
        term_s=settings.term_s,
    )


def run(settings: GuardSettings) -> None:
    """Whatever goes wrong, the next turn tries again, and the permission runs out meanwhile."""
    told = Told(settings.folder)
    while True:
        envelope = Envelope(settings.key)
        with VouchServer(settings.folder, envelope, told) as server:
            threading.Thread(target=server.serve_forever, name="vouch", daemon=True).start()
            settings = guard_until_changed(build_guard(settings, envelope), settings)
            server.shutdown()


def guard_until_changed(guard: Guard, settings: GuardSettings) -> GuardSettings:
    """The new settings, once drp has written others."""
    due = 0.0
    while True:
        try:
            if time.monotonic() >= due:
                due = time.monotonic() + settings.term_s / _TURNS
                if not guard.turn():
                    log.warning("nobody vouches for this host")
                found = read_settings(_SECRETS / FILE)
                if found.digest != settings.digest:
                    return found
            guard.watch()
        except DrpError as error:
            log.warning("%s", error.message)
        time.sleep(_WATCH_S)


def main(words: Sequence[str]) -> int:
    """Exit code."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        settings = read_settings(_SECRETS / FILE)
        match words:
            case []:
                run(settings)
            case ["told"]:
                print(json.dumps(Told(settings.folder).read(), sort_keys=True))  # noqa: T201 - its answer
            case ["tell", text]:
                print(json.dumps(Told(settings.folder).add(json.loads(text)), sort_keys=True))  # noqa: T201
            case _:
                raise UsageError("cannot guard: give no word, `told`, or `tell JSON`")
    except DrpError as error:
        log.error("%s", error.message)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
