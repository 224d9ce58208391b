"""Scripts that a test runs on a tenant's own links, in a container of the application's image."""

from __future__ import annotations

import contextlib
from pathlib import Path

import docker

from tests.lab.host import HostMachine
from tests.lab.images.python import VERSION
from tests.lab.machine import LabError

_HERE = Path(__file__).parent


def run_inside(host: HostMachine, instance: str, image: str, *words: str) -> str:
    """Run ``words[0]`` (a script of this folder) with the other words as arguments; its output.

    It sees the instance's databases as ``mongodb`` and ``redis`` and the secret files in /run/seed.
    Raises LabError with the output when it fails.
    """
    script, *arguments = words
    with contextlib.closing(docker.DockerClient(base_url=host.sock, version="auto", timeout=300)) as client:
        container = client.containers.create(
            image,
            entrypoint=[f"/usr/bin/{VERSION}"],
            command=["-c", (_HERE / script).read_text(), *arguments],
            user="0:0",
            network=f"{instance}-data",
            volumes={f"/run/drp/{instance}": {"bind": "/run/seed", "mode": "ro"}},
            name=f"{instance}-{Path(script).stem}",
        )
        try:
            client.networks.get(f"{instance}-cache").connect(container)
            container.start()
            code = container.wait(timeout=300)["StatusCode"]
            said = container.logs().decode()
            if code != 0:
                raise LabError(f"cannot run {script} beside '{instance}': {said[-2000:]}")
            return said
        finally:
            container.remove(force=True)


def seed_tenant(
    host: HostMachine, instance: str, image: str, *, documents: int, files: int, keys: int
) -> None:
    """``documents`` and Redis ``keys`` are counts, ``files`` the bytes in GridFS. Raises LabError."""
    run_inside(host, instance, image, "seed_script.py", str(documents), str(files), str(keys))
