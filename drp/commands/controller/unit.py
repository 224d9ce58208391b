"""The systemd unit that keeps a controller alive."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join

from drp.commands.results import Listing

_UNIT = """\
[Unit]
Description=drp controller: backups, reserve, drills and restarts of hosts by policy
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={command}
User={user}
Restart=always
RestartSec=5
KillSignal=SIGTERM
TimeoutStopSec=10min
UMask=0077
NoNewPrivileges=yes
ProtectSystem=full
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""


def render_unit(command: Sequence[str], *, user: str) -> Listing:
    """``command``: how drp is started on this machine."""
    text = _UNIT.format(command=join(command), user=user)
    return Listing(lines=tuple(text.splitlines()), data={"unit": text})
