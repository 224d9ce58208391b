"""Attached streams: whole, cut, silent, late."""

from __future__ import annotations

import io
import itertools
import socket
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.errors import DeadlineError
from drp.model.specs import FileSpec
from drp.model.values import Secret
from drp.providers.docker.archives import pack, unpack_one
from drp.providers.docker.sockets import EngineConnection
from drp.providers.docker.streams import STDERR, STDOUT, Deadline, Frame, Stream, iter_lines

HOUR = timedelta(hours=1)


def frame(number: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", number, len(data)) + data


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def make_stream(
    near: socket.socket,
    *,
    deadline: timedelta = HOUR,
    idle: float = 30,
    alive: Callable[[], bool] = lambda: True,
) -> Stream:
    connection = EngineConnection("unix:///unused", context=None, timeout=1)
    connection.sock = near
    return Stream(connection, Deadline(deadline, "run 'job' on host 'h1'"), idle=idle, is_alive=alive)


Ends = tuple[socket.socket, socket.socket]


class TestFrames:
    def test_frames_come_as_they_were_sent(self, ends: Ends) -> None:
        near, far = ends
        far.sendall(frame(STDOUT, b"one") + frame(STDERR, b"two") + frame(STDOUT, b"") + frame(STDOUT, b"3"))
        far.close()
        assert list(make_stream(near).frames()) == [
            Frame(STDOUT, b"one"), Frame(STDERR, b"two"), Frame(STDOUT, b""), Frame(STDOUT, b"3"),
        ]  # fmt: skip

    @pytest.mark.parametrize("length", range(1, 11))
    def test_an_end_inside_a_frame_is_a_cut(self, ends: Ends, length: int) -> None:
        near, far = ends
        far.sendall(frame(STDOUT, b"one") + frame(STDOUT, b"two")[:length])
        far.close()
        frames = make_stream(near).frames()
        assert next(frames) == Frame(STDOUT, b"one")
        with pytest.raises(ConnectionError, match="the output was cut"):
            next(frames)

    def test_the_deadline_ends_even_a_lively_stream(self, ends: Ends) -> None:
        near, far = ends
        far.sendall(frame(STDOUT, b"one") * 3)
        frames = make_stream(near, deadline=timedelta(0)).frames()
        with pytest.raises(DeadlineError, match="cannot run 'job' on host 'h1': no end within 0s"):
            next(frames)

    def test_silence_asks_and_goes_on(self, ends: Ends) -> None:
        near, far = ends
        asked: list[bool] = []

        def is_alive() -> bool:
            asked.append(True)
            if len(asked) == 3:
                far.sendall(frame(STDOUT, b"at last"))
            return True

        assert next(make_stream(near, idle=0.01, alive=is_alive).frames()) == Frame(STDOUT, b"at last")
        assert len(asked) == 3

    def test_silence_of_what_has_ended_is_a_cut(self, ends: Ends) -> None:
        frames = make_stream(ends[0], idle=0.01, alive=lambda: False).frames()
        with pytest.raises(ConnectionError, match="it has ended, its output has not"):
            next(frames)

    def test_silence_of_an_engine_that_does_not_answer(self, ends: Ends) -> None:
        def is_alive() -> bool:
            raise TimeoutError

        frames = make_stream(ends[0], idle=0.01, alive=is_alive).frames()
        with pytest.raises(TimeoutError):
            next(frames)

    def test_all_is_sent(self, ends: Ends) -> None:
        near, far = ends
        data = bytes(range(256)) * 20_000
        got = bytearray()

        def read() -> None:
            while piece := far.recv(65536):
                got.extend(piece)

        reader = threading.Thread(target=read)
        reader.start()
        make_stream(near).send(data)
        near.shutdown(socket.SHUT_WR)
        reader.join()
        assert bytes(got) == data

    def test_who_takes_nothing_is_given_up(self, ends: Ends) -> None:
        with pytest.raises(TimeoutError):
            make_stream(ends[0], idle=0.01).send(bytes(50_000_000))


class TestLines:
    @given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b" "))), st.data())
    def test_pieces_of_any_size_give_the_same_lines(self, lines: list[bytes], data: st.DataObject) -> None:
        text = b"".join(line + b"\n" for line in lines)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
        edges = [0, *cuts, len(text)]
        pieces = (text[a:b] for a, b in itertools.pairwise(edges))
        assert list(iter_lines(pieces)) == lines

    def test_an_unfinished_last_line_counts(self) -> None:
        assert list(iter_lines(iter([b"a\n", b"b"]))) == [b"a", b"b"]


class TestArchives:
    def test_a_file_keeps_owner_and_mode_and_nothing_of_the_moment(self) -> None:
        file = FileSpec(name="password", content=Secret(b"x" * 5000), uid=0, gid=998, mode=0o440)
        packed = pack([file])
        assert packed == pack([file])
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            (member,) = archive.getmembers()
            assert (member.name, member.uid, member.gid, member.mode, member.mtime) == (
                "password", 0, 998, 0o440, 0,
            )  # fmt: skip
        assert unpack_one(packed) == b"x" * 5000

    @pytest.mark.parametrize("length", [0, 100, 512, 3000, 5500])
    def test_a_cut_archive_is_no_file(self, length: int) -> None:
        packed = pack([FileSpec(name="f", content=Secret(b"x" * 5000), uid=0, gid=0, mode=0o440)])
        with pytest.raises(tarfile.TarError):
            unpack_one(packed[:length])

    def test_a_folder_is_no_file(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("folder")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        assert unpack_one(buffer.getvalue()) is None
