"""What the company has: sites, hosts, stores, DNS and tenants, as read from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from drp.model.hours import Hours
from drp.model.names import ServiceRole
from drp.model.policies import Policies
from drp.model.values import JsonMap

SecretClass = Literal["fresh", "overlap", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret comes from: ``kind`` sealed, env, file or command; never the secret itself."""

    kind: Literal["sealed", "env", "file", "command"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """Where a thing stands and under whose account."""

    country: str
    provider: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One Docker host. ``engine`` tcp://management-address:port, ``edge`` the public address of its
    edge, ``memory`` and ``disk`` in bytes, ``cpus`` cores, ``subnets`` a CIDR for tenants' links."""

    name: str
    site: str
    engine: str
    tls: SecretRef
    edge: str
    memory: int
    disk: int
    cpus: float
    subnets: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A datacenter. ``alias`` is the DNS name that holds the addresses of its edges."""

    name: str
    alias: str
    residency: Residency
    hosts: tuple[Host, ...]
    building: str = ""
    """What is placed in that building is lost together with the site."""

    def holds(self, place: str) -> bool:
        """Whether what stands at that place is lost with the site."""
        return bool(place) and place in (self.name, self.building)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An S3 bucket. ``place`` is where it stands (a site's name, or any other place)."""

    name: str
    url: str
    region: str
    bucket: str
    place: str
    residency: Residency
    key: SecretRef
    """Sealed JSON ``{"access": …, "secret": …}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsZone:
    """``servers`` are all authoritative ones, the primary first; TTLs in seconds. ``kind``: who takes
    changes: ``rfc2136`` the primary, ``cloudflare`` its API."""

    name: str
    kind: str
    zone: str
    servers: tuple[str, ...]
    key: SecretRef
    """Sealed JSON ``{"name": …, "algorithm": …, "secret": base64}``, or an API token."""
    ttl: int
    move_ttl: int
    residency: Residency


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One container of a tenant's stack. ``image`` an image ID; sizes in bytes; ``data`` a path or ""."""

    role: ServiceRole
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    uid: int
    gid: int
    port: int
    memory: int
    cpus: float
    pids: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A database account that drp manages: fresh at each instance. ``roles`` as MongoDB names them."""

    name: str
    roles: tuple[JsonMap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPolicy:
    """How often a backup is due, how long it is kept, and at which age of the newest one somebody is told."""

    every: timedelta = timedelta(hours=1)
    keep: timedelta = timedelta(days=35)
    alarm: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A client's stack as configured; where it is served now, only the witness knows."""

    name: str
    home: str
    host: str | None
    """The host at home, when the operator fixed one; else placement chooses."""
    domains: tuple[str, ...]
    env: str
    tier: str
    dedicated: bool
    egress: tuple[str, ...]
    residency: tuple[str, ...]
    memory: int
    disk: int
    freeze: timedelta
    """A planned move that holds writes longer than this is rolled back."""
    redis: Literal["live", "backup", "skip"]
    services: Mapping[ServiceRole, Service]
    accounts: tuple[Account, ...]
    smoke: tuple[JsonMap, ...]
    """Requests of the smoke test: method, path, body, headers, expect_status, expect_contains."""
    smoke_collections: tuple[str, ...]
    """``database.collection`` names the smoke test may leave behind; removed after it."""
    certificate: SecretRef
    """PEM chain and key for the domains."""
    root: SecretRef
    """32 bytes from which the fresh passwords of each instance are derived."""
    token: SecretRef
    """The token-signing secret; moves with the tenant."""
    backup_public: str
    """Public half (base64) of the tenant's backup key pair."""
    backup_private: SecretRef
    backup_store: str
    backup_keys: str
    backup_policy: BackupPolicy = BackupPolicy()
    hours: Hours | None = None
    """Business hours of its clients, in which nothing is drilled."""
    proof: timedelta = timedelta(days=30)
    """A restore must have been proven this recently."""
    contacts: tuple[str, ...] = ()
    """Mail addresses of who is told of it."""
    drill: tuple[JsonMap, ...] = ()
    """Requests that a drill sends besides those of the smoke test, in the same form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A site's key for signing manifests: ``public`` base64 Ed25519."""

    site: str
    public: str
    private: SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Image IDs of drp's own containers."""

    helper: str
    edge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """How long a host may answer after somebody last vouched for it, and the key by which guards speak."""

    term: timedelta = timedelta(seconds=15)
    key: SecretRef = SecretRef(kind="sealed", name="guards")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFileRef:
    """The sealed file (a path), and where its key comes from (None: a key file or a person)."""

    file: str
    unlock: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything, cross-checked. ``digest`` is the SHA-256 of the effective configuration."""

    timezone: str
    sites: Mapping[str, Site]
    stores: Mapping[str, Store]
    witness: str
    dns: DnsZone
    signers: Mapping[str, Signer]
    images: Images
    edge_ca: str
    """PEM of the CA that edges trust when they forward to each other."""
    tenants: Mapping[str, Tenant]
    digest: str
    fence: Fence = Fence()
    policies: Policies = field(default_factory=Policies)
    secrets: SealedFileRef = SealedFileRef(file="config/secrets.sealed")
    lines: Mapping[str, str] = field(default_factory=dict)
    """Dotted key -> ``file:line:column`` for texts such as "acme says home: dc3"."""

    def host(self, name: str) -> Host:
        """Raises KeyError."""
        return next(h for site in self.sites.values() for h in site.hosts if h.name == name)

    def hosts(self) -> tuple[Host, ...]:
        """All hosts of all sites, in configuration order."""
        return tuple(host for site in self.sites.values() for host in site.hosts)
