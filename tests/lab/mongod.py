"""A real MongoDB server in the laboratory: ``DRP_LAB_MONGOD=FILE`` names the mongod (5.0 or newer).

Only how it starts differs from the server that is used otherwise; see images/mongod_entry.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.images.layer import Layer
from tests.lab.machine import LabError

VARIABLE = "DRP_LAB_MONGOD"
_ENTRY = Path(__file__).parent / "images" / "mongod_entry.py"


def find_server() -> Path | None:
    """The mongod that the environment names, None without one. Raises LabError when it is no program."""
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    server = Path(name).resolve()
    if not server.is_file() or not os.access(server, os.X_OK):
        raise LabError(f"cannot use {VARIABLE} '{name}': it is no program")
    return server


def build_layer(server: Path) -> Layer:
    """The server, its libraries and its entry point, to lie on Python and pymongo."""
    return Layer(programs={"/usr/bin/mongod": server}, data={"/app/entry.py": _ENTRY.read_bytes()})
