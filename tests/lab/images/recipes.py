"""What each image of the laboratory is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab import mongod
from tests.lab.images.layer import PACKAGES, Layer
from tests.lab.images.python import (
    VERSION,
    find_hidden_libraries,
    find_interpreter,
    find_standard_library,
)
from tests.lab.programs import find_program, require_program
from tests.lab.state import CHECKOUT

_HERE = Path(__file__).parent
_COMMANDS = "sh cat chmod chown cp cut date dd df env false grep head id kill ln ls mkdir mktemp mv nc od ps"
_MORE_COMMANDS = "readlink rm sed sleep sort stat sync tail tar test touch tr true wc wget"
# Folders that a mount may cover: a tmpfs or an empty volume takes the mode of the image's folder,
# and no service here runs under an id that is known to the image.
_OPEN = 0o1777
_BASE_FOLDERS = {"/tmp": _OPEN, "/run/secrets": 0o755, "/proc": 0o755, "/sys": 0o755, "/dev": 0o755}
_BASE_DATA = {
    "/etc/passwd": b"root:x:0:0:root:/:/bin/sh\nservice:x:1000:1000:service:/:/bin/false\n",
    "/etc/group": b"root:x:0:\nservice:x:1000:\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
}
_USER = "1000:1000"  # who it is when nobody says; drp does
_PYTHON = f"/usr/bin/{VERSION}"
_PYTHON_ENVIRONMENT = ["PATH=/usr/bin:/bin", f"PYTHONPATH={PACKAGES}:/app", "PYTHONUNBUFFERED=1"]
# what a helper may hold of drp: the data plane and what it imports
_HELPER_SOURCES = ("__init__.py", "errors.py", "model", "dataplane", "guard")
_HELPER_DISTRIBUTIONS = ("pydantic", "pymongo", "redis", "boto3", "zstandard", "cryptography", "xxhash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An image: its layers from the bottom and its configuration as in `docker inspect`."""

    name: str
    layers: tuple[Layer, ...]
    config: Mapping[str, object]


def build_recipes() -> list[Recipe]:
    """All images. Raises LabError when a program that goes into one is missing."""
    return [_redis(), _mongodb(), _api(), _edge(), _helper()]


def _redis() -> Recipe:
    layer = Layer(
        programs={"/usr/bin/redis-server": find_program("redis-server")},
        folders={**_BASE_FOLDERS, "/data": _OPEN},
        data=_BASE_DATA,
    )
    words = ["/usr/bin/redis-server", "/run/secrets/redis.conf"]
    return Recipe(
        name="redis",
        layers=(layer,),
        config={"Entrypoint": words, "User": _USER, "WorkingDir": "/data", "ExposedPorts": {"6379/tcp": {}}},
    )


def _mongodb() -> Recipe:
    server = mongod.find_server()
    layers: tuple[Layer, ...] = (_ferretdb(),)
    entry = ["/bin/sh", "/app/entry.sh"]
    if server:
        layers = (_python(), Layer(distributions=("pymongo",), compiled=True), mongod.build_layer(server))
        entry = [_PYTHON, "/app/entry.py"]
    return Recipe(
        name="mongodb",
        layers=layers,
        config={
            "Entrypoint": entry,
            "Env": _PYTHON_ENVIRONMENT,
            "User": _USER,
            "ExposedPorts": {"27017/tcp": {}},
        },
    )


def _ferretdb() -> Layer:
    return Layer(
        programs={"/usr/bin/ferretdb": require_program("ferretdb"), **_shell_program()},
        links=_shell_links(),
        folders={**_BASE_FOLDERS, "/data/db": _OPEN},
        data={**_BASE_DATA, "/app/entry.sh": (_HERE / "ferretdb_entry.sh").read_bytes()},
    )


def _api() -> Recipe:
    sources = {f"/app/shop/{p.name}": p.read_bytes() for p in sorted((_HERE / "api").glob("*.py"))}
    layers = (
        _python(),
        Layer(distributions=("pymongo", "redis"), compiled=True),
        Layer(data=sources, compiled=True),
    )
    return Recipe(
        name="api",
        layers=layers,
        config={
            "Entrypoint": [_PYTHON, "-m", "shop.server"],
            "Env": _PYTHON_ENVIRONMENT,
            "User": _USER,
            "ExposedPorts": {"8080/tcp": {}},
        },
    )


def _edge() -> Recipe:
    programs = {f"/usr/sbin/{name}": find_program(name) for name in ("flock", "haproxy", "socat")}
    layer = Layer(
        programs={**programs, **_shell_program()},
        links=_shell_links(),
        folders={**_BASE_FOLDERS, "/etc/drp-edge": _OPEN, "/run/haproxy": _OPEN},
        data=_BASE_DATA,
    )
    words = ["/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/drp-edge/haproxy.cfg"]
    return Recipe(
        name="edge",
        layers=(layer,),
        config={
            "Cmd": words,
            "Env": ["PATH=/usr/sbin:/usr/bin:/bin"],
            "User": _USER,
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        },
    )


def _helper() -> Recipe:
    layers = (
        _python(),
        Layer(distributions=_HELPER_DISTRIBUTIONS, compiled=True),
        Layer(data=find_helper_sources(), compiled=True),
    )
    return Recipe(
        name="helper",
        layers=layers,
        config={
            "Entrypoint": [_PYTHON, "-m", "drp.dataplane"],
            "Env": _PYTHON_ENVIRONMENT,
            "User": _USER,
        },
    )


def find_helper_sources() -> dict[str, bytes]:
    """Path in the image -> source, of the part of drp that a helper holds."""
    found: dict[str, bytes] = {}
    for name in _HELPER_SOURCES:
        top = CHECKOUT / "drp" / name
        for file in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            found[f"/app/{file.relative_to(CHECKOUT)}"] = file.read_bytes()
    return found


def _python() -> Layer:
    hidden = {str(path): path for path in find_hidden_libraries()}
    return Layer(
        programs={_PYTHON: find_interpreter(), **hidden},
        files=find_standard_library(),
        links={"/usr/bin/python3": VERSION},
        folders={**_BASE_FOLDERS, "/data/db": _OPEN},
        data=_BASE_DATA,
        compiled=True,
    )


def _shell_program() -> dict[str, Path]:
    return {"/bin/busybox": find_program("busybox")}


def _shell_links() -> dict[str, str]:
    return {f"/bin/{name}": "busybox" for name in f"{_COMMANDS} {_MORE_COMMANDS}".split()}
