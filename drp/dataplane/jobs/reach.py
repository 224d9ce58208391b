"""Job ``reach``: what answers to connections and datagrams from where the helper stands; job ``stand-in``:
listen where another container will.

All questions are asked at once. Only what is silent, or where the kernel knows no way, counts as closed.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.dataplane.job import Context
from drp.dataplane.jobs.params import ReachParams, ReachQuestion, StandInParams
from drp.errors import UnreachableError
from drp.model.reach import Found
from drp.model.values import Json, JsonMap

_CLOSED: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN})
_REFUSED: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
_REPEAT_S: Final = 0.3
"""A datagram is sent anew each time this has passed: it may be lost, and so may the refusal, of which the
kernel sends only so many a second."""

# a DNS query for the root's name servers: a name server answers, others ignore it
_DATAGRAM: Final = bytes.fromhex("6472 0100 0001 0000 0000 0000 00 0002 0001")
_INET6: Final = Path("/proc/net/if_inet6")


def run_reach(context: Context) -> JsonMap:
    """``found`` and ``addresses`` (of names; "" unresolved) as the questions stand; ``ipv6`` addresses."""
    questions = context.parse(ReachParams).questions
    addresses = [_resolve(question.address) for question in questions]
    found: list[Json] = [*ask(questions, addresses)]
    listed: list[Json] = [*addresses]
    ipv6: list[Json] = [*list_ipv6(_INET6.read_text() if _INET6.exists() else "")]
    return {"found": found, "addresses": listed, "ipv6": ipv6}


def _resolve(address: str) -> str:
    with suppress(OSError):
        return str(socket.getaddrinfo(address, None, socket.AF_INET)[0][4][0])
    return ""


def list_ipv6(table: str) -> list[str]:
    """``address%device`` of each line of /proc/net/if_inet6 that is not of the loopback device."""
    rows = (line.split() for line in table.splitlines())
    return [f"{row[0]}%{row[5]}" for row in rows if row[5] != "lo"]


@dataclass(slots=True)
class _Asked:
    """One question under way; ``due`` and ``again`` by the monotonic clock."""

    number: int
    socket: socket.socket
    due: float
    again: float


def ask(questions: tuple[ReachQuestion, ...], addresses: list[str]) -> list[Found]:
    """What each question finds; ``unknown`` where neither an answer nor silence could be had."""
    found: list[Found] = ["unknown"] * len(questions)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for number, question in enumerate(questions):
            if addresses[number]:
                kind = socket.SOCK_STREAM if question.transport == "tcp" else socket.SOCK_DGRAM
                asking = stack.enter_context(socket.socket(socket.AF_INET, kind))
                asked = _begin(number, question, asking, addresses[number])
                if isinstance(asked, int):
                    found[number] = judge(asked)
                else:
                    event = selectors.EVENT_WRITE if question.transport == "tcp" else selectors.EVENT_READ
                    selector.register(asking, event, asked)
        _gather(selector, found)
    return found


def _begin(number: int, question: ReachQuestion, asking: socket.socket, address: str) -> _Asked | int:
    """The question under way, or the error number with which it ended at once (0: answered)."""
    asking.setblocking(False)
    code = asking.connect_ex((address, question.port))
    if question.transport == "tcp" and code != errno.EINPROGRESS:
        return code
    now = time.monotonic()
    again = float("inf")
    if question.transport == "udp":
        code = code or _send(asking)
        if code:
            return code
        again = now + _REPEAT_S
    return _Asked(number=number, socket=asking, due=now + question.wait_s, again=again)


def _send(asking: socket.socket) -> int:
    try:
        asking.send(_DATAGRAM)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _gather(selector: selectors.BaseSelector, found: list[Found]) -> None:
    while selector.get_map():
        waiting: list[_Asked] = [key.data for key in selector.get_map().values()]
        now = time.monotonic()
        for asked in waiting:
            if asked.due <= now:
                selector.unregister(asked.socket)
                found[asked.number] = "closed"
            elif asked.again <= now:
                asked.again = now + _REPEAT_S
                _send(asked.socket)  # its error, if any, is read with the answer
        left = [min(asked.due, asked.again) for asked in waiting if asked.due > now]
        for key, _ in selector.select(max(0.0, min(left, default=now) - now)):
            selector.unregister(key.fileobj)
            found[key.data.number] = judge(_read_code(key.data.socket))


def _read_code(asked: socket.socket) -> int:
    """0 when it was answered, else the error number."""
    code = asked.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code or asked.type == socket.SOCK_STREAM:
        return code
    try:
        asked.recv(1)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def judge(code: int) -> Found:
    """What an error number of a connection tells; 0 is an answer."""
    if code == 0:
        return "open"
    if code in _REFUSED:
        return "refused"
    return "closed" if code in _CLOSED else "unknown"


def run_stand_in(context: Context) -> JsonMap:
    """Take connections until standard input ends or the time is up; the number taken."""
    params = context.parse(StandInParams)
    try:
        server = socket.create_server(("", params.port))
    except OSError as error:
        raise UnreachableError(f"cannot listen on port {params.port}: {error.strerror}") from error
    with server:
        context.report.begin()
        return {"taken": serve(server, stop=params.stop_fd, limit_s=params.limit_s)}


def serve(server: socket.socket, *, stop: int, limit_s: float) -> int:
    """Take connections and end them at once, until the descriptor ``stop`` ends."""
    taken, ends = 0, time.monotonic() + limit_s
    with selectors.DefaultSelector() as selector:
        for fileobj in (server, stop):
            selector.register(fileobj, selectors.EVENT_READ)
        while (left := ends - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.fileobj is server:
                    server.accept()[0].close()
                    taken += 1
                elif not os.read(stop, 1):
                    return taken
    return taken
