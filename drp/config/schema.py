"""The keys of the configuration.

One definition for the checks, for the JSON Schema that editors use, and for the table in
``config/README.md``.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from drp.config.fields import (
    AbsolutePath,
    Address,
    Canary,
    Collection,
    Cores,
    Count,
    Country,
    Cron,
    DataPath,
    Destination,
    Domain,
    Duration,
    Engine,
    FieldError,
    Flag,
    Image,
    Inline,
    Mail,
    Name,
    Port,
    Reference,
    Share,
    Size,
    Status,
    Subnet,
    TenantName,
    Text,
    Timezone,
    Uid,
    Unlock,
    Url,
    WorkHours,
)
from drp.config.settings import Settings, computed, optional, required, setting

_SECRET_VARIABLE: Final = re.compile(r"(?i).*(password|passwd|secret|token|credential|api_?key|private_?key)")
_CREDENTIALS: Final = re.compile(r"://[^/\s]*:[^/\s]*@")
_SECRET_HEADER: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_KEPT: Final = re.compile(r"(?:[A-Za-z]+ )?\{[A-Za-z0-9_-]+\}")
"""What an earlier answer said, in the place of a secret: ``Bearer {token}``."""
_RESERVED_ACCOUNT: Final = frozenset({"drp", "redis", "mongodb-keyfile", "token-signing"})


def _check_environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if _CREDENTIALS.search(value) or (_SECRET_VARIABLE.fullmatch(name) and not value.startswith("/")):
            raise FieldError(
                f"a secret must not stand here, nor reach a container by its environment: '{name}'",
                "The service finds its secrets as files in /run/secrets.",
            )
    return values


def _check_headers(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if name.lower() in _SECRET_HEADER and not _KEPT.fullmatch(value):
            raise FieldError(f"a secret must not stand here: header '{name}'")
    return values


def _check_account(name: str) -> str:
    if name in _RESERVED_ACCOUNT:
        raise FieldError(f"cannot use account '{name}': drp itself uses it")
    return name


class HostSettings(Settings):
    engine: Engine = required("Engine API on the management network, with TLS", example="tcp://10.3.0.1:2376")
    tls: Reference = computed("Client certificate: JSON {ca, cert, key}, all PEM", "sealed:HOST")
    edge: Address = required("Public address of this host's edge", example="192.0.2.10")
    memory: Size = required("Memory that tenants may use together", example="64GiB")
    disk: Size = required("Disk that tenants may use together", example="1TiB")
    cpus: Cores = required("Cores", example="16")
    subnets: Subnet = required("Network that is cut into the links of tenants", example="10.64.0.0/20")


class SiteSettings(Settings):
    country: Country = required("Where it stands", example="FR")
    building: Text | None = optional(
        "Building it stands in; a store placed there dies with it", example="lyon-2"
    )
    provider: Text | None = optional("Who runs it", example="metal")
    account: Text | None = optional("Account with the provider", example="main")
    alias: Domain = computed("DNS name that holds the addresses of the site's edges", "SITE.ZONE")
    hosts: dict[Name, HostSettings] = setting("Docker hosts by name", {})


class StoreSettings(Settings):
    kind: Literal["s3"] = required("Kind of store", example="s3")
    url: Url = required("Endpoint", example="https://s3.example.net")
    region: Text = setting("Region, as signatures name it", "us-east-1")
    bucket: Text = required("Bucket", example="drp-backups")
    place: Text = required("Where it stands: a site's name, or any other place", example="rennes")
    country: Country | None = optional("Country of that place", example="FR")
    provider: Text | None = optional("Who runs it", example="metal")
    account: Text | None = optional("Account with the provider", example="main")
    key: Reference = computed("Credentials: JSON {access, secret}", "sealed:STORE")


class DnsSettings(Settings):
    kind: Literal["rfc2136", "cloudflare"] = required(
        "Who takes changes: name servers themselves, or Cloudflare's API", example="rfc2136"
    )
    servers: list[Address] = required(
        "All authoritative servers, the primary first", example="[192.0.2.53, 198.51.100.53]"
    )
    zone: Domain = required("The zone that holds the names of tenants", example="example.com")
    key: Reference = computed(
        "TSIG key: JSON {name, algorithm, secret in base64}; at Cloudflare the API token, alone or as "
        "JSON {token}, with Zone Read and DNS Write",
        "sealed:tsig or sealed:cloudflare",
    )
    ttl: Duration = setting("TTL of tenants' names", "300s")
    move_ttl: Duration = computed(
        "TTL of a tenant's names while it is moved; at Cloudflare 60 s or more, 30 s in Enterprise zones",
        "30s or 60s",
    )
    country: Country | None = optional("Country of the DNS provider", example="FR")
    provider: Text | None = optional("Who runs it", example="metal")
    account: Text | None = optional("Account with the provider", example="main")


class SignerSettings(Settings):
    public: Inline = computed(
        "Public Ed25519 key in base64, or the file that holds it", "file:keys/SITE.signer.pub"
    )
    private: Reference = computed("Private Ed25519 key, 32 bytes", "sealed:SITE.signer")


class OwnImageSettings(Settings):
    helper: Image = required("ID of the helpers' image", example="sha256:4f21…")
    edge: Image = required("ID of the edge's image", example="sha256:9b07…")


class EdgeSettings(Settings):
    ca: Inline = setting("CA (PEM) that edges trust when they forward to each other", "file:edge-ca.pem")


class FenceSettings(Settings):
    term: Duration = setting("How long a host may answer after somebody last vouched for it", "15s")
    key: Reference = setting("Key by which guards of hosts speak to each other", "sealed:guards")


class WavesSettings(Settings):
    canary: Canary = setting("Tenants that go first", "2")
    least: Count = setting("Tenants from which on there are waves; fewer move at once", "8")
    size: Count = setting("Most tenants of a later wave", "50")
    stop_at: Share = setting("Share of a wave that may fail of one cause before the next", "20%")


class FailoverSettings(Settings):
    neutral: list[Domain] = setting(
        "Names by which a machine knows that it is not cut off itself", [], example="[www.example.net]"
    )


class DrillSettings(Settings):
    name: Name | None = optional("By which it is listed and paused", example="weekly")
    cron: Cron = required("When: five fields, on the clock of `timezone`", example="0 3 * * Sun")
    sample: Count | None = optional("How many tenants, those whose proof is oldest; else all", example="7")
    site: Name | None = optional(
        "Where the bubble stands; else where the tenant is not served", example="dc5"
    )
    within: Duration = setting("How long it may take, before business hours too", "1h")
    in_hours: Flag = setting("Business hours do not put it off", "false")


class DrillPolicySettings(Settings):
    limit: Duration = setting("A drill's stack that is older is removed, whatever its run says", "4h")


class PoliciesSettings(Settings):
    waves: WavesSettings = setting("How many tenants move at a time", {})
    failover: FailoverSettings = setting("How it is decided that a site is lost", {})
    drill: DrillPolicySettings = setting("What holds for every drill", {})
    rto: Duration | None = optional("Time without service after which a report says so", example="60m")
    rpo: Duration | None = optional("Lost writes beyond which a report says so", example="30s")


class SecretsSettings(Settings):
    kind: Literal["sealed-file"] = setting("Kind of store", "sealed-file")
    file: Text = setting("The sealed file, below the configuration's folder", "secrets.sealed")
    unlock: Unlock | None = optional("Where its key comes from", example="command:pass drp")


class BackupSettings(Settings):
    store: Name = computed("Store of the backups' data", "the store named `backups`")
    keys: Name = computed("Store of the backups' keys, apart from the data", "the store named `keys`")
    every: Duration = setting("How often the controller takes one", "1h")
    keep: Duration = setting("How long one is kept", "35d")
    alarm: Duration = setting("Age of the newest one at which somebody is told", "2h")


class BundleSettings(Settings):
    stores: list[Name] = setting(
        "Stores that hold all that a failover needs, at the reserve and in a third place",
        [],
        example="[far, reserve]",
    )
    every: Duration = setting("How often the controller puts a new one", "1h")
    keep: Count = setting("How many are kept in each store", "10")
    images: Flag = setting("With the archives of images", "true")


class ServiceSettings(Settings):
    command: list[Text] = computed("Arguments of the container", "none: the image's own")
    environment: Annotated[dict[str, str], AfterValidator(_check_environment)] = setting(
        "Variables, none of them secret", {}
    )
    uid: Uid = computed("User id in the container", "mongodb 4001, redis 4002, api 4003")
    gid: Uid = computed("Group id in the container", "the same as uid")
    port: Port = computed("Port it listens on", "mongodb 27017, redis 6379, api 8080")
    memory: Size = computed("Limit", "of the tenant's memory: mongodb 1/2, redis 1/8, api 3/8")
    cpus: Cores = computed("Limit in cores", "the tenant's cpu")
    pids: Count = computed("Limit of processes and threads", "mongodb 4096, redis 256, api 512")
    data: DataPath = computed(
        "Path of its volume; none: it keeps nothing", "mongodb /data/db, redis /data, api none"
    )


class ServicesSettings(Settings):
    mongodb: ServiceSettings = setting("The database", {})
    redis: ServiceSettings = setting("The cache and queue", {})
    api: ServiceSettings = setting("The application", {})


class ImageSettings(Settings):
    """Of a tenant; each may also come from ``defaults``."""

    api: Image = required("ID of the application's image", example="sha256:4f21…")
    mongodb: Image = required("ID of the database's image", example="sha256:9b07…")
    redis: Image = required("ID of the cache's image", example="sha256:c1aa…")


class RoleSettings(Settings):
    role: Text = required("Role as MongoDB names it", example="readWrite")
    db: Text = required("Database it holds for", example="shop")


class AccountSettings(Settings):
    name: Annotated[Name, AfterValidator(_check_account)] = required("Account", example="api")
    roles: list[RoleSettings] = required("Its roles", example="[{role: readWrite, db: shop}]")


class SmokeSettings(Settings):
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = setting("HTTP method", "GET")
    path: AbsolutePath = required("Path and query", example="/health")
    body: str = setting("Body as text", "")
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = setting(
        "Headers, none of them secret", {}
    )
    expect_status: Status = setting("Status that is right", "200")
    expect_contains: str = setting("Text the answer must hold", "")


class DrillRequestSettings(SmokeSettings):
    keep: dict[Text, Text] = setting(
        "Fields of the JSON answer, by names that later requests use as `{NAME}` in path, headers, body",
        {},
        example="{token: token}",
    )


class KeyPairSettings(Settings):
    public: Inline = computed(
        "Public half in base64, or the file that holds it", "file:keys/TENANT.backup.pub"
    )
    private: Reference = computed("Private half", "sealed:TENANT.backup")


class SharedSettings(Settings):
    """Keys of ``defaults`` that a tenant may state itself."""

    env: Literal["production", "staging", "preprod"] = setting("Environment", "production")
    tier: Literal["gold", "silver", "bronze"] = setting("Order of waves, and who stays out", "silver")
    dedicated: Flag = setting("No neighbour on its host", "false")
    egress: list[Destination] = setting("What its containers may reach", [], example="[smtp.example.net:465]")
    residency: list[Text] = setting("Countries its data may be in", [], example="[FR]")
    cpu: Cores = setting("Cores", "2")
    redis: Literal["live", "backup", "skip"] = setting("How Redis moves", "live")
    hours: WorkHours = setting(
        "Business hours, in which nothing is drilled; a zone behind them if it is not `timezone`, or none",
        "Mon-Fri 08:00-19:00",
    )
    proof: Duration = setting("A restore must have been proven this recently", "30d")
    contacts: list[Mail] = setting("Who is told of the tenant", [], example="[it@acme.example]")
    freeze: Duration = setting("A planned move that holds writes longer is rolled back", "2m")
    accounts: list[AccountSettings] = setting(
        "Database accounts that are fresh at each instance; the first is the API's",
        [{"name": "api", "roles": [{"role": "readWriteAnyDatabase", "db": "admin"}]}],
        example="[{name: api, roles: [{role: readWrite, db: shop}]}]",
    )
    smoke: list[SmokeSettings] = setting(
        "Requests that must succeed before clients come", [], example="[{path: /health}]"
    )
    smoke_collections: list[Collection] = setting(
        "What the smoke test leaves behind; removed after it", [], example="[app.drp_probe]"
    )
    drill: list[DrillRequestSettings] = setting(
        "Requests that a drill sends besides those of the smoke test; what they leave is thrown away",
        [],
        example="[{method: PUT, path: /items/drill, body: '{}', expect-status: 204}]",
    )
    backup: BackupSettings = setting("Where backups go, how often, how long they stay", {})


class DefaultSettings(SharedSettings):
    memory: Size | None = optional("Memory of the whole stack", example="4GiB")
    disk: Size | None = optional("Restored size plus growth", example="20GiB")
    images: dict[Literal["api", "mongodb", "redis"], Image] = setting("Images by service", {})


class TenantSettings(SharedSettings):
    home: Name = required("The site where it belongs", example="dc3")
    host: Name | None = optional("The host at home; else there is a choice", example="h1")
    domains: list[Domain] = required("Names its clients use", example="[acme.example.com]")
    memory: Size = required("Memory of the whole stack", example="4GiB")
    disk: Size = required("Restored size plus growth", example="20GiB")
    images: ImageSettings = setting("Images by service", {})
    services: ServicesSettings = setting("What differs from `services` at the top", {})
    certificate: Reference = computed("PEM chain and key for the domains", "sealed:TENANT.tls")
    root: Reference = computed("32 bytes from which fresh passwords are made", "sealed:TENANT.root")
    token: Reference = computed("Token-signing secret; moves with the tenant", "sealed:TENANT.token")
    backup_key: KeyPairSettings = setting("Key pair of its backups", {})


class RootSettings(Settings):
    version: Literal["1"] = required("Version of this format", example="1")
    timezone: Timezone = setting("Zone in which times are shown", "UTC", example="Europe/Paris")
    sites: dict[Name, SiteSettings] = required("Datacenters by name", example="{dc3: {country: FR}}")
    stores: dict[Name, StoreSettings] = required("Object stores by name", example="{far: {kind: s3}}")
    witness: Name = required("The store, outside every site, that knows who owns a tenant", example="far")
    dns: dict[Name, DnsSettings] = required("The DNS zone, by any name", example="{main: {kind: rfc2136}}")
    signers: dict[Name, SignerSettings] = setting("Keys that sign backups, by site", {})
    images: OwnImageSettings = setting("Images of drp's own containers", {})
    edge: EdgeSettings = setting("The edges", {})
    fence: FenceSettings = setting("How a site that was taken over is kept from answering", {})
    policies: PoliciesSettings = setting("What was decided beforehand", {})
    operators: list[Mail] = setting("Who is told of everything", [], example="[ops@example.com]")
    drills: list[DrillSettings] = setting("Drills that the controller begins", [])
    secrets: SecretsSettings = setting("Where secrets are kept", {})
    backup: BackupSettings = setting("Where backups go, how often, how long they stay", {})
    bundle: BundleSettings = setting("The bundle for a machine that never ran drp", {})
    services: ServicesSettings = setting("What all tenants' services have in common", {})
    defaults: DefaultSettings = setting("What all tenants have in common", {})
    tenants: dict[TenantName, TenantSettings] = setting("Clients' stacks by name", {})
