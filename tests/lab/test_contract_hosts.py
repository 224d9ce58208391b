"""The contracts of hosts and helpers on real engines: one met over TLS, one over its unix socket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drp.providers.docker.helpers import DockerHelpers
from drp.testing.contract_helpers import SCRIPT, HelperBench, HelpersContract
from drp.testing.contract_hosts import HostContract
from drp.testing.host_bench import Bench
from tests.providers.docker.engines import EngineMachine, build_shell_image, engines

pytestmark = pytest.mark.lab

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[EngineMachine, ...]]:
    with engines("near", "far") as running, running[0].net():
        yield running


@pytest.fixture(scope="module")
def images(pair: tuple[EngineMachine, ...]) -> tuple[str, str]:
    """Ids of the suite's image, and of one that the second engine does not have."""
    near, far = pair
    image = near.add_image(build_shell_image())
    far.over_socket().load_image(near.over_socket().save_image(image))
    return image, near.add_image(build_shell_image(b"more"))


@pytest.fixture
def bench(pair: tuple[EngineMachine, ...], images: tuple[str, str]) -> Iterator[Bench]:
    near, far = pair
    made = Bench(
        host=near.over_tls(),
        other=far.over_socket(),
        image=images[0],
        prefix=f"test{next(_numbers)}",
        image_only_here=images[1],
    )
    yield made
    made.clear()


class TestDockerHost(HostContract):
    pass


class TestDockerHelpers(HelpersContract):
    @pytest.fixture
    def bench(self, pair: tuple[EngineMachine, ...], bench: Bench) -> HelperBench:
        return HelperBench(
            helpers=DockerHelpers({"near": bench.host, "far": bench.other}.__getitem__),
            host=bench.host,
            host_name="near",
            spec=replace(bench.once("job", "hang"), command=("sh", "-c", SCRIPT)),
        )
