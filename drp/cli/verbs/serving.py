"""The verb that goes on until it is stopped."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from drp.cli.grammar.serving import PORT
from drp.cli.verbs.session import Do, Session
from drp.commands.controller.answering import answering
from drp.commands.controller.loop import Controller
from drp.commands.controller.standing import Standing
from drp.commands.controller.unit import render_unit
from drp.commands.results import Listing, Result


def serve(session: Session) -> Result:
    if session.invocation.unit:
        return render_unit(_command(session), user=getpass.getuser())
    workshop = session.open()
    if session.common.dry_run:
        lines = ("would be the controller; see what is due with `drp status`",)
        return Listing(lines=lines, data={})
    desk, standing = session.desk(), Standing()
    tenants, port = workshop.inventory.tenants, session.invocation.port
    with answering(standing, desk.clock, tenants, port=port):
        return Controller(desk, workshop, standing).run()


def _command(session: Session) -> list[str]:
    """With the folders of this call, as absolute paths: systemd starts it elsewhere."""
    common = session.common
    words = [str(Path(sys.argv[0]).resolve()), "serve", "--config", str(common.config.resolve())]
    for option, path in (("--runbooks", common.runbooks), ("--key-file", common.key_file)):
        words += [option, str(path.resolve())] if path else []
    port = session.invocation.port
    return [*words, "--state", str(session.state.resolve()), *(["--port", str(port)] if port != PORT else [])]


DO: Final[Mapping[str, Do]] = {"serve": serve}
