"""A company in the laboratory, configured: what the demo and the lab tests start from."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drp.model.names import Instance
from tests.lab.clients import Client
from tests.lab.configuration import Written, write_configuration
from tests.lab.console import Operator
from tests.lab.inside import seed_tenant
from tests.lab.lab import Lab
from tests.lab.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """``ops1`` and ``ops2`` are two operators' machines with state folders of their own.

    ``ttl``: seconds that a DNS answer lives.
    """

    lab: Lab
    written: Written
    ops1: Operator
    ops2: Operator
    folder: Path
    ttl: int

    def newcomer(self, machine: Machine, written: Written | None = None) -> Operator:
        """An operator on this machine whose state folder is empty: all that was done is news to him.

        ``written``: another configuration than the company's.
        """
        state = Path(tempfile.mkdtemp(prefix=f"state-{machine.name}-", dir=self.folder))
        return Operator(self.lab, machine, written or self.written, state=state)

    def other_site(self, tenant: str) -> tuple[str, str]:
        """(site that serves, the other one)."""
        host, _ = self.host_of(tenant)
        here = self.lab.hosts[host].site
        return here, next(site.name for site in self.lab.names.sites if site.name != here)

    def retire_old(self, tenant: str) -> None:
        """Remove the stack that serves no more, once no resolver holds its addresses."""
        here, there = self.other_site(tenant)
        time.sleep(2 * self.ttl + 1)
        self.ops1.drp("retire", tenant, "--from", there, "--yes")
        assert self.other_site(tenant)[0] == here

    def client(self, tenant: str, *, suffix: str = "") -> Client:
        """``suffix``: a log of its own."""
        return Client(self.lab, tenant, ca=self.written.ca_file, folder=self.folder, suffix=suffix)

    def host_of(self, tenant: str) -> tuple[str, str]:
        """(host, instance) whose API of the tenant runs now. Raises LookupError."""
        found = self.ops1.drp("status", tenant)
        serving = found["tenants"][0]
        return str(serving["host"]), str(Instance.of_epoch(tenant, int(serving["epoch"])))

    def ensure_deployed(self, tenant: str) -> None:
        """Deploy it and put a little into its databases, unless it is served already."""
        found = self.ops1.drp("status", tenant)["tenants"][0]
        if not found["epoch"]:
            self.ops1.drp("deploy", tenant, "--yes")
            self.seed(tenant, documents=400, files=600_000, keys=60)

    def seed(self, tenant: str, *, documents: int, files: int, keys: int) -> None:
        """``documents`` and Redis ``keys`` are counts, ``files`` the bytes in GridFS."""
        host, instance = self.host_of(tenant)
        image = self.lab.images["api"].id
        seed_tenant(self.lab.hosts[host], instance, image, documents=documents, files=files, keys=keys)


def build_company(
    lab: Lab, folder: Path, *, ttl: int = 60, freeze: str = "2m", own: Sequence[str] = ()
) -> Company:
    """Write the configuration and bring the images to the first host; drp carries them on.

    ``own``: tenants whose API has an image of its own.
    """
    first = lab.hosts[lab.names.home.hosts[0]]
    first.load(*lab.images.values())
    apis = {tenant: first.vary(lab.images["api"], tenant) for tenant in own}
    written = write_configuration(lab, folder / "config", ttl=ttl, freeze=freeze, apis=apis)
    operators = [
        Operator(lab, machine, written, state=folder / f"state-{machine.name}")
        for machine in (lab.ops1, lab.ops2)
    ]
    return Company(lab=lab, written=written, ops1=operators[0], ops2=operators[1], folder=folder, ttl=ttl)
