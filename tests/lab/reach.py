"""Asks from inside a machine whether something can be reached."""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections.abc import Iterable
from ipaddress import IPv4Address

from tests.lab.machine import Machine

Target = tuple[IPv4Address, int]
_SECONDS = 1.0


def find_open(machine: Machine, targets: Iterable[Target]) -> set[Target]:
    """Those targets that take a TCP connection from the machine within a second; all are asked at once."""
    found: set[Target] = set()
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for target in targets:
            with machine.net():
                asking = stack.enter_context(socket.socket())
            asking.setblocking(False)
            code = asking.connect_ex((str(target[0]), target[1]))
            if code == errno.EINPROGRESS:
                selector.register(asking, selectors.EVENT_WRITE, target)
            elif code == 0:
                found.add(target)
        deadline = time.monotonic() + _SECONDS
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(deadline - time.monotonic()):
                asked = selector.unregister(key.fileobj).fileobj
                assert isinstance(asked, socket.socket)
                if asked.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.add(key.data)
    return found


def can_connect(machine: Machine, address: IPv4Address, port: int) -> bool:
    """Whether a TCP connection from the machine is taken. A refusal counts as not."""
    return bool(find_open(machine, [(address, port)]))


def find_routes(machine: Machine) -> list[str]:
    """Destinations that the machine has a route to, as ``ip route`` writes them."""
    return [line.split()[0] for line in machine.run("ip", "route").stdout.splitlines()]
