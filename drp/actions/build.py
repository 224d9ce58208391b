"""The one builder of what hosts are asked to make: pure, and the only place that makes specs.

Address plan of a link (a /28): .2 edge, .3 API, .4 MongoDB, .5 Redis, .10 the helper, .11 and .12 the
probes of a run and of `drp check`. Fixed addresses,
because an engine gives a stopped container's address to the next who asks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from drp.model.inventory import Host, Inventory, Service, Tenant
from drp.model.names import (
    EDGE,
    EGRESS,
    GUARD,
    LINK_ROLES,
    SECRETS_ROOT,
    Instance,
    LinkRole,
    ServiceRole,
)
from drp.model.specs import Attachment, ContainerSpec, Mount, NetworkSpec, PublishedPort, VolumeSpec

LINK_PREFIX: Final = 28
EDGE_BLOCK: Final = 0
EGRESS_BLOCK: Final = 1
FIRST_TENANT_BLOCK: Final = 2

_OFFSETS: Final = {"edge": 2, "api": 3, "mongodb": 4, "redis": 5, "helper": 10, "reach": 11, "check": 12}
LINKS_OF: Final[Mapping[ServiceRole, tuple[LinkRole, ...]]] = {
    "api": ("edge", "data", "cache"),
    "mongodb": ("data",),
    "redis": ("cache",),
}
_LONGEST_HOSTNAME: Final = 63
_HELPER_MEMORY: Final = 768 * 2**20
Asker = Literal["reach", "check"]
"""Who probes: a run's step or `drp check`; both may do so at once."""
_PROBE_MEMORY: Final = 128 * 2**20
_EDGE_MEMORY: Final = 256 * 2**20
_GUARD_MEMORY: Final = 128 * 2**20
EDGE_FOLDER: Final = "/etc/drp-edge"
"""Where edge and guard see the volume that they share."""
_EDGE_COMMAND: Final = ("/bin/sh", "/etc/drp-edge/edge.sh", "start")
"""The program that `edge.configure` puts into the edge's volume."""
EDGE_UID: Final = 4010
HELPER_UID: Final = 65534
GRACE: Final = timedelta(seconds=10)
"""How long a service may take to end its requests in flight."""


def labels(*, tenant: str, role: str, instance: Instance | None = None) -> dict[str, str]:
    """Labels every object of drp carries."""
    found = {"drp.tenant": tenant, "drp.role": role}
    if instance is not None:
        found["drp.instance"] = str(instance)
        found["drp.epoch"] = str(instance.epoch if instance.epoch is not None else "none")
        if instance.began is not None:
            found["drp.began"] = instance.began.isoformat()
    return found


def count_blocks(host: Host) -> int:
    """How many links the host's subnets can be cut into."""
    return 1 << (LINK_PREFIX - ipaddress.ip_network(host.subnets).prefixlen)


def link_block(host: Host, index: int) -> str:
    """CIDR of block ``index`` of the host's subnets. Raises IndexError when there are fewer."""
    pool = ipaddress.ip_network(host.subnets)
    if index >= count_blocks(host):
        raise IndexError(f"host '{host.name}' has {count_blocks(host)} link subnets")
    return str(ipaddress.ip_network((int(pool.network_address) + index * 16, LINK_PREFIX)))


def link_address(subnet: str, member: str) -> str:
    """Address of a member (edge, api, mongodb, redis, helper, reach, check) on a link."""
    return str(ipaddress.ip_network(subnet).network_address + _OFFSETS[member])


def link_network(instance: Instance, role: LinkRole, subnet: str) -> NetworkSpec:
    """One of an instance's three links: closed to the outside, and to the host itself."""
    return NetworkSpec(
        name=instance.network(role),
        bridge=instance.bridge(role),
        subnet=subnet,
        internal=True,
        host_address=False,
        labels=labels(tenant=instance.tenant, role=role, instance=instance),
    )


def edge_network(host: Host) -> NetworkSpec:
    """The edge's way to the outside, where its ports are published."""
    return NetworkSpec(
        name=EDGE,
        bridge=EDGE,
        subnet=link_block(host, EDGE_BLOCK),
        internal=False,
        host_address=True,
        labels=labels(tenant="-", role="edge"),
    )


def egress_network(host: Host) -> NetworkSpec:
    """The helpers' way to the object store; its members cannot talk to each other."""
    return NetworkSpec(
        name=EGRESS,
        bridge=EGRESS,
        subnet=link_block(host, EGRESS_BLOCK),
        internal=False,
        host_address=True,
        talk=False,
        labels=labels(tenant="-", role="egress"),
    )


def data_volume(instance: Instance, role: ServiceRole) -> VolumeSpec:
    return VolumeSpec(
        name=instance.volume(role), labels=labels(tenant=instance.tenant, role=role, instance=instance)
    )


def edge_volume() -> VolumeSpec:
    """Configuration and route maps of an edge: they survive its restart."""
    return VolumeSpec(name=EDGE, labels=labels(tenant="-", role="edge"))


def service_container(instance: Instance, service: Service, subnets: Mapping[LinkRole, str]) -> ContainerSpec:
    """A tenant's container; ``subnets`` maps link -> CIDR."""
    mounts = [Mount(path="/run/secrets", host_path=instance.secrets_dir(service.role))]
    if service.data:
        mounts.append(Mount(path=service.data, volume=instance.volume(service.role)))
    return ContainerSpec(
        name=instance.container(service.role),
        hostname=instance.container(service.role)[-_LONGEST_HOSTNAME:].lstrip("-"),
        image=service.image,
        command=service.command,
        environment=dict(service.environment),
        labels=labels(tenant=instance.tenant, role=service.role, instance=instance),
        uid=service.uid,
        gid=service.gid,
        attachments=_attachments(instance, service.role, subnets),
        mounts=tuple(mounts),
        memory=service.memory,
        cpus=service.cpus,
        pids=service.pids,
        stop_timeout=int(GRACE.total_seconds()),
    )


def _attachments(
    instance: Instance, role: ServiceRole, subnets: Mapping[LinkRole, str]
) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(network=instance.network(link), address=link_address(subnets[link], role), aliases=(role,))
        for link in LINKS_OF[role]
    )


def edge_container(host: Host, image: str) -> ContainerSpec:
    """The edge of a host: the only container with published ports."""
    return ContainerSpec(
        name=EDGE,
        hostname=f"edge-{host.name}",
        image=image,
        command=_EDGE_COMMAND,
        labels=labels(tenant="-", role="edge"),
        uid=EDGE_UID,
        gid=EDGE_UID,
        attachments=(Attachment(network=EDGE, address=link_address(link_block(host, EDGE_BLOCK), "edge")),),
        mounts=(
            Mount(path=EDGE_FOLDER, volume=EDGE),
            Mount(path="/run/secrets", host_path=f"{SECRETS_ROOT}/{EDGE}"),
        ),
        tmpfs={"/run/haproxy": f"mode=0700,uid={EDGE_UID},gid={EDGE_UID}"},
        ports=(
            PublishedPort(address=host.edge, port=80, container_port=80),
            PublishedPort(address=host.edge, port=443, container_port=443),
        ),
        sysctls={"net.ipv4.ip_forward": "0", "net.ipv4.ip_unprivileged_port_start": "0"},
        memory=_EDGE_MEMORY,
        cpus=1.0,
        pids=64,
    )


def guard_container(image: str) -> ContainerSpec:
    """The guard of a host: the edge's user, the edge's volume, and the helpers' way out."""
    return ContainerSpec(
        name=GUARD,
        hostname=GUARD,
        image=image,
        entrypoint=("python3", "-m", "drp.guard"),
        labels=labels(tenant="-", role="guard"),
        uid=EDGE_UID,
        gid=HELPER_UID,
        attachments=(Attachment(network=EGRESS),),
        mounts=(
            Mount(path=EDGE_FOLDER, volume=EDGE),
            Mount(path="/run/secrets", host_path=f"{SECRETS_ROOT}/{GUARD}"),
        ),
        memory=_GUARD_MEMORY,
        cpus=0.5,
        pids=64,
    )


def helper_container(
    inventory: Inventory,
    name: str,
    *,
    tenant: str,
    attachments: tuple[Attachment, ...],
    mounts: tuple[Mount, ...] = (),
    join: str = "",
    root: bool = False,
    memory: int = _HELPER_MEMORY,
) -> ContainerSpec:
    """A one-shot helper: nothing kept, nothing logged. ``root`` only where owners of files are set."""
    return ContainerSpec(
        name=name,
        image=inventory.images.helper,
        labels=labels(tenant=tenant, role="helper"),
        uid=0 if root else HELPER_UID,
        gid=0 if root else HELPER_UID,
        attachments=attachments,
        join=join,
        mounts=mounts,
        capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER") if root else (),
        memory=memory,
        cpus=2.0,
        pids=64,
        logs=False,
        stdin=True,
    )


def data_helper(
    inventory: Inventory, instance: Instance, job: str, *, subnets: Mapping[str, str]
) -> ContainerSpec:
    """A helper on the instance's data and cache links and on the way to the store."""
    links = _data_links(instance, subnets, "helper")
    return helper_container(inventory, instance.helper(job), tenant=instance.tenant, attachments=links)


def _data_links(instance: Instance, subnets: Mapping[str, str], member: str) -> tuple[Attachment, ...]:
    return (
        Attachment(network=instance.network("data"), address=link_address(subnets["data"], member)),
        Attachment(network=instance.network("cache"), address=link_address(subnets["cache"], member)),
        Attachment(network=EGRESS),
    )


def joined_probe(inventory: Inventory, instance: Instance, name: str, *, join: str) -> ContainerSpec:
    """A helper that looks from inside another container's network, whose id is ``join``."""
    return helper_container(
        inventory,
        instance.helper(name),
        tenant=instance.tenant,
        attachments=(),
        join=join,
        memory=_PROBE_MEMORY,
    )


def linked_probe(
    inventory: Inventory, instance: Instance, asker: Asker, *, subnets: Mapping[str, str]
) -> ContainerSpec:
    """A helper that looks from where the data helpers stand, beside them."""
    return helper_container(
        inventory,
        instance.helper(f"{asker}-helper"),
        tenant=instance.tenant,
        attachments=_data_links(instance, subnets, asker),
        memory=_PROBE_MEMORY,
    )


def outward_probe(inventory: Inventory, host: Host) -> ContainerSpec:
    """A helper that looks out of a host, by the way that helpers go to stores."""
    return helper_container(
        inventory,
        f"drp-look-{host.name}",
        tenant="-",
        attachments=(Attachment(network=EGRESS),),
        memory=_PROBE_MEMORY,
    )


def stand_in(
    inventory: Inventory, instance: Instance, name: str, *, subnets: Mapping[LinkRole, str]
) -> ContainerSpec:
    """A helper in the place of an API that does not run yet: its links, its addresses."""
    return helper_container(
        inventory,
        instance.helper(name),
        tenant=instance.tenant,
        attachments=_attachments(instance, "api", subnets),
        memory=_PROBE_MEMORY,
    )


def front_helper(
    inventory: Inventory, instance: Instance, job: str, *, subnets: Mapping[str, str]
) -> ContainerSpec:
    """A helper where the edge stands: it sees the API and nothing else."""
    link = Attachment(network=instance.network("edge"), address=link_address(subnets["edge"], "helper"))
    return helper_container(inventory, instance.helper(job), tenant=instance.tenant, attachments=(link,))


def volume_helper(inventory: Inventory, instance: Instance, role: ServiceRole, path: str) -> ContainerSpec:
    """A root helper that sees one volume at ``path`` and no network."""
    return helper_container(
        inventory,
        instance.helper(f"volume-{role}"),
        tenant=instance.tenant,
        attachments=(),
        mounts=(Mount(path=path, volume=instance.volume(role)),),
        root=True,
    )


def secrets_helper(inventory: Inventory, owner: str, *, tenant: str) -> ContainerSpec:
    """A root helper that sees the host's secrets tmpfs at its own place and no network."""
    return helper_container(
        inventory,
        f"{owner}-helper-secrets",
        tenant=tenant,
        attachments=(),
        mounts=(Mount(path=SECRETS_ROOT, host_path=SECRETS_ROOT),),
        root=True,
    )


def service_specs(tenant: Tenant, instance: Instance, subnets: Mapping[LinkRole, str]) -> list[ContainerSpec]:
    """All containers of an instance, databases first."""
    order: tuple[ServiceRole, ...] = ("mongodb", "redis", "api")
    return [service_container(instance, tenant.services[role], subnets) for role in order]


def instance_subnets(host: Host, first_block: int) -> dict[LinkRole, str]:
    """CIDR of each link of an instance that takes three blocks from ``first_block`` on."""
    return {role: link_block(host, first_block + i) for i, role in enumerate(LINK_ROLES)}
