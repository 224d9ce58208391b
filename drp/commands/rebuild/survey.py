"""What witness, engines, edges and DNS say of a tenant, laid beside each other; only by reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drp.actions.action import ReadPorts
from drp.commands.results import Served
from drp.commands.serving import find_served
from drp.errors import NotFoundError
from drp.model.inventory import Tenant
from drp.model.names import EDGE, Instance
from drp.ports.edges import Route
from drp.ports.hosts import ContainerState, HostReader, NetworkState
from drp.witness.epochs import Claim, EpochReader, Serving


@dataclass(slots=True, kw_only=True)
class Found:
    """An instance as it lies on one host. ``claim``: who reserved its epoch in the witness."""

    instance: Instance
    site: str
    host: str
    containers: dict[str, ContainerState] = field(default_factory=dict)
    networks: dict[str, NetworkState] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    claim: Claim | None = None

    @property
    def place(self) -> str:
        return f"{self.site}/{self.host}"

    @property
    def running(self) -> int:
        return sum(container.running for container in self.containers.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """``routes`` and ``held`` by host, of the tenant's first name; ``names`` what DNS holds for each name."""

    tenant: Tenant
    served: Served
    serving: Serving | None
    found: Sequence[Found]
    routes: Mapping[str, Route | None]
    held: Sequence[str]
    names: Mapping[str, Sequence[str]]
    low_ttl: Sequence[str]

    @property
    def own(self) -> Found | None:
        """The instance that serves, where the witness says it is."""
        return next((each for each in self.found if self._is_own(each)), None)

    @property
    def others(self) -> list[Found]:
        return [each for each in self.found if not self._is_own(each)]

    def _is_own(self, found: Found) -> bool:
        serving = self.serving
        return serving is not None and (found.instance.epoch, found.host) == (serving.epoch, serving.host)


def survey(ports: ReadPorts, tenant: Tenant) -> Survey:
    """Look everywhere. Raises what the ports raise: what cannot be seen cannot be put in order."""
    epochs = EpochReader(ports.store(ports.inventory.witness))
    found = [each for host in ports.inventory.hosts() for each in _look(ports, host.name, host.site, tenant)]
    for each in found:
        epoch = each.instance.epoch
        each.claim = None if epoch is None else epochs.find_claim(tenant.name, epoch)
    records = {name: ports.dns().find(name, "CNAME") for name in tenant.domains}
    usual = ports.inventory.dns.ttl
    return Survey(
        tenant=tenant,
        served=find_served(ports, tenant),
        serving=epochs.find_serving(tenant.name),
        found=found,
        routes={host.name: _route(ports, host.name, tenant) for host in ports.inventory.hosts()},
        held=[host.name for host in ports.inventory.hosts() if _is_held(ports, host.name, tenant)],
        names={name: found.values if found else () for name, found in records.items()},
        low_ttl=[name for name, found in records.items() if found is not None and found.ttl != usual],
    )


def find_disagreement(ports: ReadPorts, seen: Survey) -> str:
    """Why nobody can say who serves and whose everything is, in words; "" when all sources agree."""
    served, serving = seen.served, seen.serving
    if not served.is_proven:
        return served.reason
    if serving is not None and seen.own is None:
        return f"the witness says epoch {serving.epoch} on {serving.host}, but nothing of it is there"
    alias = ports.inventory.sites[served.site].alias if serving is not None else ""
    for name, values in seen.names.items():
        if alias and [*values] != [alias]:
            return f"the witness says {served.site}, but {name} leads to {', '.join(values) or 'nowhere'}"
    for each in seen.others:
        if each.claim is None and each.instance.epoch is not None:
            return f"'{each.instance}' lies on {each.place}, but nobody claimed its epoch"
    return ""


def _look(ports: ReadPorts, host: str, site: str, tenant: Tenant) -> list[Found]:
    reader, found = ports.host(host), dict[str, Found]()

    def of(name: str) -> Found:
        return found.setdefault(name, Found(instance=Instance.parse(name), site=site, host=host))

    label = {"drp.tenant": tenant.name}
    for container in reader.containers(label):
        name = _instance_of(container.labels, container.name)
        if name:
            of(name).containers[container.name] = container
    for network in reader.networks():
        if network.labels.get("drp.tenant") == tenant.name and "drp.instance" in network.labels:
            of(network.labels["drp.instance"]).networks[network.name] = network
    for volume in reader.volumes(label):
        name = _volume_instance(reader, volume)
        if name:
            of(name).volumes.append(volume)
    return [found[name] for name in sorted(found)]


def _instance_of(labels: Mapping[str, str], name: str) -> str:
    """Helpers are not labelled with their instance, but named after it."""
    if "drp.instance" in labels:
        return labels["drp.instance"]
    stem = name.partition("-helper-")[0]
    try:
        return str(Instance.parse(stem))
    except ValueError:
        return ""


def _volume_instance(reader: HostReader, volume: str) -> str:
    labels = reader.find_volume(volume)
    return "" if labels is None else labels.get("drp.instance", "")


def _route(ports: ReadPorts, host: str, tenant: Tenant) -> Route | None:
    try:
        return ports.edge(host).find_route(tenant.domains[0])
    except NotFoundError:
        return None


def _is_held(ports: ReadPorts, host: str, tenant: Tenant) -> bool:
    try:
        return ports.host(host).find_container(EDGE) is not None and any(
            ports.edge(host).is_held(name) for name in tenant.domains
        )
    except NotFoundError:
        return False
