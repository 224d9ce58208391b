"""The jobs of the isolation proof, on sockets of this machine."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from drp.dataplane.doors import RealDoors
from drp.dataplane.job import Context
from drp.dataplane.jobs.reach import judge, list_ipv6, run_reach, serve
from drp.dataplane.wire import Job
from drp.model.values import Json


def reach(*asked: tuple[str, str, int]) -> list[Json]:
    questions: list[Json] = [
        {"transport": transport, "address": address, "port": port, "wait_s": 0.5}
        for transport, address, port in asked
    ]
    job = Job(kind="reach", params={"questions": questions}, secrets={})
    found = run_reach(Context(job=job, doors=RealDoors()))["found"]
    assert isinstance(found, list)
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_open_refused_and_unknown(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
        found = reach(
            ("tcp", "127.0.0.1", port), ("tcp", "127.0.0.1", free), ("tcp", "no.such.name.invalid", 1)
        )
    assert found == ["open", "refused", "unknown"]


def test_datagrams_are_answered_refused_or_lost() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as answering,
        socket.socket(type=socket.SOCK_DGRAM) as silent,
        socket.socket(type=socket.SOCK_DGRAM) as other,
    ):
        for each in (answering, silent, other):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (answering, silent, other)]
        other.close()

        def answer() -> None:
            _, sender = answering.recvfrom(100)
            answering.sendto(b"x", sender)

        thread = threading.Thread(target=answer)
        thread.start()
        found = reach(*(("udp", "127.0.0.1", port) for port in ports))
        thread.join()
        assert found == ["open", "closed", "refused"]
        silent.setblocking(False)
        assert [len(silent.recv(100)) for _ in range(2)] == [17, 17]


@pytest.mark.parametrize(
    ("code", "found"), [(0, "open"), (111, "refused"), (101, "closed"), (113, "closed"), (1, "unknown")]
)
def test_what_an_error_number_tells(code: int, found: str) -> None:
    assert judge(code) == found


def test_addresses_of_the_loopback_device_do_not_count() -> None:
    table = (
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fe80000000000000021122fffe334455 03 40 20 80     eth0\n"
    )
    assert list_ipv6(table) == ["fe80000000000000021122fffe334455%eth0"]
    assert list_ipv6("") == []


def test_a_stand_in_takes_connections_until_its_input_ends(listener: socket.socket) -> None:
    reading, writing = os.pipe()
    taken: list[int] = []
    thread = threading.Thread(
        target=lambda: taken.append(serve(listener, stop=reading, limit_s=30)), daemon=True
    )
    thread.start()
    assert reach(("tcp", "127.0.0.1", listener.getsockname()[1])) == ["open"]
    with socket.create_connection(listener.getsockname()) as second:
        assert second.recv(1) == b""
    os.close(writing)
    thread.join(timeout=20)
    os.close(reading)
    assert taken == [2]
