"""One guard with an edge, a witness, peers and clocks in memory; and guards that speak through a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from drp.errors import DrpError, RejectedError, UnreachableError
from drp.guard.guard import Guard
from drp.guard.lease import Taken
from drp.guard.messages import Envelope
from drp.guard.news import News
from drp.guard.peers import SOCKET, Peer, VouchServer
from drp.guard.settings import read_settings, render_settings
from drp.guard.told import FILE, Told
from drp.model.takeovers import Takeover, takeover_key
from drp.model.values import Secret

TERM = 15.0
KEY = Envelope(Secret(b"k" * 32))


class Edge:
    def __init__(self) -> None:
        self.owned = {"acme.example.test": ("acme", 7), "globex.example.test": ("globex", 3)}
        self.said: list[object] = []

    def owners(self) -> dict[str, tuple[str, int]]:
        return self.owned

    def fence(self, names: Sequence[str]) -> None:
        self.said.append(names)

    def permit(self, until_ms: int) -> None:
        self.said.append(until_ms)


class Clocks:
    def __init__(self) -> None:
        self.runs, self.set_by = 100.0, 1_000_000.0

    def running(self) -> float:
        return self.runs

    def wall(self) -> float:
        return self.runs + self.set_by


class Voice:
    """Somebody who is asked."""

    def __init__(self, taken: Taken | None = None) -> None:
        self.taken: Taken | None = taken

    def __call__(self) -> Taken:
        if self.taken is None:
            raise UnreachableError("cannot ask: no answer")
        return self.taken


def build(edge: Edge, clocks: Clocks, witness: Voice, *peers: Voice) -> Guard:
    return Guard(edge, witness=witness, peers=peers, clock=clocks, term_s=TERM)


def test_a_turn_fences_first_and_permits_one_term_from_its_beginning() -> None:
    edge, clocks = Edge(), Clocks()
    assert build(edge, clocks, Voice({"acme": 8, "globex": 3})).turn()
    assert edge.said == [["acme.example.test"], 1_000_115_000]


def test_who_is_not_answered_by_anybody_changes_nothing() -> None:
    edge = Edge()
    assert not build(edge, Clocks(), Voice(), Voice({}), Voice()).turn()
    assert edge.said == []


@pytest.mark.failure_mode("B18")
def test_peers_keep_a_host_serving_while_the_witness_is_away() -> None:
    edge = Edge()
    assert build(edge, Clocks(), Voice(), Voice({}), Voice({"globex": 4})).turn()
    assert edge.said == [["globex.example.test"], 1_000_115_000]


def test_a_route_of_which_nobody_knows_whose_it_is_stays_closed() -> None:
    edge = Edge()
    edge.owned["stray.example.test"] = ("", 0)
    build(edge, Clocks(), Voice({})).turn()
    assert edge.said[0] == ["stray.example.test"]


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_is_set_does_not_move_the_end(step: float) -> None:
    edge, clocks = Edge(), Clocks()
    guard = build(edge, clocks, Voice({}))
    guard.turn()
    clocks.runs += 2
    assert not guard.watch()
    clocks.set_by += step
    assert guard.watch()
    assert edge.said[-1] == 1_000_115_000 + step * 1000
    assert not guard.watch()


def test_a_question_that_hangs_is_not_asked_again_and_stops_nobody() -> None:
    edge, gate, asked = Edge(), threading.Event(), []

    def hang() -> Taken:
        asked.append(1)
        gate.wait(20)
        return {}

    guard = Guard(edge, witness=hang, peers=[Voice({})], clock=Clocks(), term_s=0.3)
    assert guard.turn()
    assert guard.turn()
    gate.set()
    assert asked == [1]


def test_news_are_read_on_from_where_they_stopped() -> None:
    store: dict[str, bytes] = {}

    class Store:
        def find(self, key: str) -> bytes | None:
            return store.get(key)

    news = News(Store(), "dc3")
    assert news.taken() == {}
    for number, taken in enumerate([{"acme": 8}, {"acme": 7, "globex": 4}], 1):
        found = Takeover(site="dc3", number=number, run="r", actor="a", time="t", taken=taken)
        store[takeover_key("dc3", number)] = found.to_bytes()
    assert news.taken() == {"acme": 8, "globex": 4}
    store.clear()
    assert news.taken() == {"acme": 8, "globex": 4}


def test_what_was_told_is_kept_and_a_broken_file_vouches_for_nobody(tmp_path: Path) -> None:
    assert Told(tmp_path).read() == {}
    assert Told(tmp_path).add({"acme": 8}) == {"acme": 8}
    assert Told(tmp_path).add({"acme": 7, "globex": 2}) == {"acme": 8, "globex": 2}
    (tmp_path / FILE).write_text("{")
    with pytest.raises(RejectedError):
        Told(tmp_path).read()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[VouchServer]:
    with VouchServer(tmp_path, KEY, Told(tmp_path)) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def address(server: VouchServer, tmp_path: Path) -> Iterator[str]:
    """Where an edge listens that passes all on to the guard."""
    with socket.create_server(("127.0.0.1", 0)) as front:
        threading.Thread(target=_pass_on, args=(front, tmp_path / SOCKET), daemon=True).start()
        yield f"127.0.0.1:{front.getsockname()[1]}"


def _pass_on(front: socket.socket, path: Path) -> None:
    while True:
        try:
            client, _ = front.accept()
        except OSError:
            return
        with client, socket.socket(socket.AF_UNIX) as guard:
            guard.connect(str(path))
            client.settimeout(5)
            guard.settimeout(5)
            content = client.recv(65536)
            while b"\r\n\r\n" not in content or len(content.partition(b"\r\n\r\n")[2]) < 62:
                content += client.recv(65536)
            guard.sendall(content)
            while piece := guard.recv(65536):
                client.sendall(piece)


def test_guards_vouch_through_an_edge(address: str, tmp_path: Path) -> None:
    Told(tmp_path).add({"acme": 8})
    assert Peer(address, KEY, patience_s=5).vouch() == {"acme": 8}


def test_a_stranger_gets_no_answer(address: str) -> None:
    stranger = Peer(address, Envelope(Secret(b"x" * 32)), patience_s=5)
    with pytest.raises(UnreachableError, match="it answers 403"):
        stranger.vouch()


def test_an_answer_to_another_question_is_refused(server: VouchServer) -> None:
    one, other = b"1" * 32, b"2" * 32
    answer = server.answer(KEY.seal({}, bound_to=one) + one)
    assert KEY.open(answer, bound_to=b"vouch" + one) == {"told": {}}
    with pytest.raises(RejectedError):
        KEY.open(answer, bound_to=b"vouch" + other)


def test_a_dead_guard_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(UnreachableError):
        Peer(address, KEY, patience_s=1).vouch()


def test_settings_are_written_and_read_and_not_quoted(tmp_path: Path) -> None:
    plain = {
        "host": "h1",
        "site": "dc3",
        "term_s": 15.0,
        "folder": "/etc/drp-edge",
        "peers": ["192.0.2.1:80"],
        "witness": {"url": "http://s3", "region": "r", "bucket": "b"},
    }
    path = tmp_path / "guard.json"
    secrets = {name: Secret(name.encode()) for name in ("access", "secret", "key")}
    path.write_bytes(render_settings(plain, **secrets).reveal())  # type: ignore[arg-type]
    read = read_settings(path)
    assert (read.host, read.peers, read.key.reveal()) == ("h1", ("192.0.2.1:80",), b"key")
    path.write_text('{"secrets": {"key": "hunter2"}}')
    with pytest.raises(DrpError) as caught:
        read_settings(path)
    assert "hunter2" not in caught.value.message
