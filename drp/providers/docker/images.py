"""Images as streams, from engine to engine; never whole in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from drp.errors import RejectedError
from drp.providers.docker.engine import Engine
from drp.providers.docker.faults import translated

_CHUNK: Final = 1 << 20


def save(engine: Engine, image: str) -> Iterator[bytes]:
    """The image's tar in chunks; a cut stream raises."""
    with translated(engine.host, f"save image '{image}'"):
        # for a missing image the engine's export answers 500
        engine.look.inspect_image(image)  # type: ignore[no-untyped-call]
        answer = engine.request("GET", f"/images/{image}/get", wait=engine.patience.transfer, stream=True)
        with answer:
            yield from answer.iter_content(_CHUNK)


def load(engine: Engine, stream: Iterable[bytes]) -> None:
    """Load a tar, and read the engine's report: it answers 200 also for a tar it could not load."""
    with translated(engine.host, "load an image"):
        answer = engine.request(
            "POST",
            "/images/load",
            wait=engine.patience.transfer,
            params={"quiet": "true"},
            data=(chunk for chunk in stream),
            headers={"Content-Type": "application/x-tar"},
        )
        check_report(answer.text, engine.host)


def check_report(text: str, host: str) -> None:
    """The engine's report is JSON values one after the other. Raises RejectedError unless it loaded."""
    decoder, position, loaded = json.JSONDecoder(), 0, False
    text = text.strip()
    while position < len(text):
        try:
            entry, position = decoder.raw_decode(text, position)
        except ValueError as error:
            raise RejectedError(f"cannot load an image on host '{host}': its report was cut") from error
        position += len(text[position:]) - len(text[position:].lstrip())
        if "error" in entry:
            raise RejectedError(f"cannot load an image on host '{host}': {entry['error']}")
        loaded = loaded or str(entry.get("stream", "")).startswith("Loaded image")
    if not loaded:
        raise RejectedError(f"cannot load an image on host '{host}': the engine names none that it loaded")
