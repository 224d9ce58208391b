"""Files as the engine takes and gives them: tar streams. Pure."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from drp.model.specs import FileSpec


def pack(files: Sequence[FileSpec]) -> bytes:
    """A tar of the files with their owners and modes; without times, so equal files give equal tars."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            content = file.content.reveal()
            member = tarfile.TarInfo(file.name)
            member.size = len(content)
            member.uid, member.gid, member.mode = file.uid, file.gid, file.mode
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack_one(data: bytes) -> bytes | None:
    """Content of the first member, None when that is no file. Raises tarfile.TarError for a cut tar."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.next()
        if member is None or not member.isfile():
            return None
        file = archive.extractfile(member)
        content = b"" if file is None else file.read()
        if len(content) != member.size:
            raise tarfile.ReadError("the archive was cut")
        return content
