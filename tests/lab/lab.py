"""The laboratory: two sites with two hosts each, a third zone, and the operators' machines.

    public      hosts (eth0) ─ home ─┐                 ┌─ third zone: DNS, resolver, S3,
                hosts (eth0) ─ away ─┴─ router public ─┘  client (eth0), ops1 and ops2 (eth0)
    management  hosts (eth1) ─ home ─┐
                hosts (eth1) ─ away ─┴─ router private ── ops1 and ops2 (eth1)

Nothing has a leg in the machine's own network and nothing has a default route: a packet cannot leave.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from types import TracebackType
from typing import Literal

from tests.lab import plan
from tests.lab.certificates import Authority
from tests.lab.host import ClientMaterial, HostMachine
from tests.lab.images.build import ensure_images
from tests.lab.janitor import Janitor
from tests.lab.machine import Machine
from tests.lab.names import Names, load_names
from tests.lab.nameservers import Primary, Resolver, Secondary, build_dns
from tests.lab.router import Router, Segment
from tests.lab.state import State, build_state
from tests.lab.store import StoreMachine, build_s3
from tests.lab.weight import weigh

# The management side joins operators and engines, not engines with each other.
_PRIVATE_RULES = f"""
table inet private {{
	chain forward {{
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		ip saddr {plan.OPERATORS} accept
	}}
}}
"""


class Lab:
    """A running laboratory; ``with Lab.up() as lab:`` or ``down`` at the end.

    ``hosts`` are by name; ``ops1``, ``ops2`` and ``client`` are plain machines; ``primary``,
    ``secondary``, ``resolver`` and ``store`` run the servers that ``dns`` and ``s3`` describe; ``ca``
    issues certificates for names of tenants; ``images`` are by name and are on no engine yet.
    """

    def __init__(self, names: Names, state: State) -> None:
        self.names = names
        self.state = state
        self.ca = Authority("lab tenants")
        self._janitor: Janitor | None = None
        self._lay_networks()
        self.hosts = self._build_hosts()
        self.ops1, self.ops2 = self._build_operator(1), self._build_operator(2)
        self.client = self._build_machine("client", self._public[2], plan.CLIENT)
        self.dns, self.s3 = build_dns(names.zone), build_s3()
        self._build_servers()
        self.images = ensure_images()

    # ---- life

    @classmethod
    def up(cls, *, kept: bool = False, tenants: int = 3) -> Lab:
        """Boot everything; returns when all engines and servers answer. Raises LabError."""
        lab = cls(load_names().with_tenants(tenants), build_state(kept=kept))
        lab.state.root.mkdir(parents=True)
        lab.state.save()
        lab._janitor = Janitor(lab.state)
        try:
            lab._boot()
        except BaseException:
            lab.down()
            raise
        return lab

    def _boot(self) -> None:
        weigh(self.state.cgroup)
        self._equip()
        _in_parallel("boot", self.routers)
        # the followers ask the primary when they start, and ask again late when it is not there
        followers: list[Machine] = [self.secondary, self.resolver]
        _in_parallel("boot", [machine for machine in self.machines if machine not in followers])
        _in_parallel("boot", followers)

    def down(self) -> None:
        """Take all down; afterwards no process, mount, namespace, control group or file is left."""
        _in_parallel("power_off", self.machines)
        _in_parallel("power_off", self.routers)
        janitor, self._janitor = self._janitor, None
        if janitor is not None:
            janitor.finish()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    # ---- what there is

    @property
    def machines(self) -> list[Machine]:
        """All machines but the routers."""
        servers = [self.primary, self.secondary, self.resolver, self.store]
        return [*self.hosts.values(), self.ops1, self.ops2, self.client, *servers]

    def hosts_of(self, site: str) -> list[HostMachine]:
        return [host for host in self.hosts.values() if host.site == site]

    # ---- building

    def _lay_networks(self) -> None:
        public = self._build_router("public", "")
        private = self._build_router("private", _PRIVATE_RULES)
        self.routers = [public, private]
        zones = ("home", "away", "third")
        self._public = [public.add_segment(*pair) for pair in zip(zones, plan.PUBLIC, strict=True)]
        self._private = [private.add_segment(*pair) for pair in zip(zones, plan.MANAGEMENT, strict=True)]

    def _build_router(self, name: str, rules: str) -> Router:
        return Router(name, self.state.root / f"router-{name}", lab_id=self.state.lab_id, rules=rules)

    def _build_hosts(self) -> dict[str, HostMachine]:
        hosts: dict[str, HostMachine] = {}
        for number, site in enumerate(self.names.sites):
            for name in site.hosts:
                addresses = plan.build_host_plan(number, len(hosts))
                host = HostMachine(
                    name,
                    self.state.root / name,
                    lab_id=self.state.lab_id,
                    site=site.name,
                    addresses=addresses,
                    cgroup=self.state.cgroup,
                )
                self._join_public(host, self._public[number], addresses.public)
                host.link(self._private[number], addresses.management)
                host.route(str(plan.OPERATORS), self._private[number].gateway)
                hosts[name] = host
        return hosts

    def _build_operator(self, number: int) -> Machine:
        public, management = plan.build_operator_addresses(number)
        machine = self._build_machine(f"ops{number}", self._public[2], public)
        segment = self._private[2]
        machine.link(segment, management)
        for network in plan.MANAGEMENT[:2]:
            machine.route(str(network), segment.gateway)
        return machine

    def _build_servers(self) -> None:
        lab_id, third = self.state.lab_id, self._public[2]
        self.primary = Primary("ns1", self.state.root / "machine-ns1", lab_id=lab_id)
        self.secondary = Secondary("ns2", self.state.root / "machine-ns2", lab_id=lab_id)
        self.resolver = Resolver("resolver", self.state.root / "machine-resolver", lab_id=lab_id)
        self.store = StoreMachine("store", self.state.root / "machine-store", lab_id=lab_id)
        self._join_public(self.primary, third, plan.PRIMARY)
        self._join_public(self.secondary, self._public[1], plan.SECONDARY)
        self._join_public(self.resolver, third, plan.RESOLVER)
        self._join_public(self.store, third, plan.STORE)

    def _build_machine(self, name: str, segment: Segment, address: IPv4Address) -> Machine:
        disk = self.state.root / f"machine-{name}"
        machine = Machine(name, disk, lab_id=self.state.lab_id, nameserver=plan.RESOLVER)
        self._join_public(machine, segment, address)
        return machine

    def _join_public(self, machine: Machine, segment: Segment, address: IPv4Address) -> None:
        machine.link(segment, address)
        for other in self._public:
            if other is not segment:
                machine.route(str(other.network), segment.gateway)

    def _equip(self) -> None:
        authority = Authority("lab engines")
        pair = authority.issue_client("operator")
        client = ClientMaterial(ca=authority.certificate, cert=pair.certificate, key=pair.key)
        for host in self.hosts.values():
            host.equip(
                authority, client, peers=[o.edge_address for o in self.hosts.values() if o.site != host.site]
            )
        self.primary.equip(self.dns, plan.PRIMARY)
        self.secondary.equip(self.dns, plan.SECONDARY)
        self.resolver.equip(self.dns, plan.RESOLVER)
        self.store.equip(self.s3)


def _in_parallel(method: Literal["boot", "power_off"], machines: Iterable[Machine]) -> None:
    """Call the method of all at once and wait for all; the first error is raised at the end."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        for future in [pool.submit(getattr(machine, method)) for machine in machines]:
            future.result()
