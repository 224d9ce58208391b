"""``drp check`` in the laboratory: well when all is well, and each planted problem is named."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.lab.company import Company
from tests.lab.world import compare_worlds, dump_world, list_objects


@pytest.fixture(scope="module", autouse=True)
def images_everywhere(company: Company) -> None:
    """A tenant is served, and every host could take any tenant."""
    company.ensure_deployed(company.lab.names.tenants[0])
    for host in company.lab.hosts.values():
        host.load(*company.lab.images.values())


def find_troubles(company: Company, *areas: str) -> tuple[int, list[str]]:
    """(exit code, ``area name verdict message`` of all that is not well)."""
    began = time.monotonic()
    done = company.ops1.try_drp("check", *areas)
    print(f"drp check {' '.join(areas)}: {time.monotonic() - began:.1f} s")
    findings = done.data["findings"]
    found = [f"{f['area']} {f['name']} {f['verdict']} {f['message']}" for f in findings if not f["well"]]
    return done.code, found


def test_all_is_well_and_nothing_is_left_of_the_looks(company: Company) -> None:
    company.ops1.drp("backup", "--all")
    before, known = dump_world(company.lab), list_objects(company.lab)
    assert find_troubles(company) == (0, [])
    assert compare_worlds(before, dump_world(company.lab)) == []
    assert list_objects(company.lab) == known


def find_idle(company: Company) -> str:
    """A reserve host on which nobody is served: its images are not in use."""
    for host in company.lab.names.sites[1].hosts:
        with contextlib.closing(company.lab.hosts[host].open_client()) as engine:
            if not engine.containers.list(filters={"ancestor": company.lab.images["redis"].id}):
                return host
    raise AssertionError("somebody is served by every reserve host")


@contextlib.contextmanager
def without_image(company: Company, host: str) -> Iterator[None]:
    machine, image = company.lab.hosts[host], company.lab.images["redis"]
    with contextlib.closing(machine.open_client()) as engine:
        engine.images.remove(image.id, force=True)
    try:
        yield
    finally:
        machine.load(image)


def test_each_planted_problem_is_named(company: Company) -> None:
    """An image that a reserve host lacks, and a name server that does not answer."""
    names = company.lab.names
    host, secondary = find_idle(company), company.lab.secondary
    with without_image(company, host):
        secondary.power_off()
        try:
            code, found = find_troubles(company, "images", "dns", "stores")
        finally:
            secondary.boot()
    assert code == 11
    image = f"cannot start all of '{names.sites[1].name}' on '{host}': it has no image of "
    assert any(line.startswith(f"images {host} finding {image}") for line in found), found
    server = str(company.lab.dns.secondary)
    silent = f"dns {server} finding cannot read SOA records of '{names.zone}': no answer from name server"
    assert any(line.startswith(silent) for line in found), found
    assert not [line for line in found if line.startswith("stores")], found
