"""The parameters of the jobs: what the control plane sends, checked as it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from drp.dataplane.places import Bucket, CacheEndpoint, Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseParams:
    """Both databases of a tenant; null where it has none. Secrets: ``mongodb``, ``redis``."""

    mongodb: Endpoint | None = None
    redis: CacheEndpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupParams(DatabaseParams):
    """``public_key``: base64 of the tenant's backup key; ``exclude_users``: drp's own accounts, not copied.

    Secrets besides: ``store-access``, ``store-secret``, ``keys-access``, ``keys-secret``, ``signing``.
    """

    tenant: str
    backup_id: str
    env: str
    site: str
    store: Bucket
    keys: Bucket
    public_key: str
    exclude_users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreParams(DatabaseParams):
    """``signers``: site -> base64 public key; ``managed_users``: drp's own accounts, left as they are.

    ``ttl_monitor``: whether documents may expire afterwards. Secrets besides: ``store-access``,
    ``store-secret``, ``data-key`` (the opened one of this backup alone).
    """

    tenant: str
    backup_id: str
    store: Bucket
    signers: Mapping[str, str]
    managed_users: tuple[str, ...] = ()
    ttl_monitor: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadbackParams(DatabaseParams):
    """``exclude_users``: drp's own accounts."""

    exclude_users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Its password is the secret ``account:NAME``."""

    name: str
    roles: tuple[str | Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsParams:
    mongodb: Endpoint
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerParams:
    """Of jobs that need to know no more than where the MongoDB is."""

    mongodb: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionParams(ServerParams):
    """``db`` and ``coll`` name one collection."""

    db: str
    coll: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginParams:
    """Who to log in as with the secret ``candidate``, at MongoDB or, when that is not given, at Redis."""

    mongodb: Endpoint | None = None
    redis: CacheEndpoint | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlParams(ServerParams):
    """Whether documents may expire from now on."""

    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitParams(DatabaseParams):
    """How long to try."""

    timeout_s: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpParams:
    """``requests``: method, path, headers, body, and what to expect; names with dash or underscore."""

    base: str
    requests: tuple[Mapping[str, object], ...]
    timeout_s: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOperation:
    """``op``: mkdir, chown, chmod, remove, stat, statfs or mark; ``mode`` as a number."""

    op: str
    path: str
    uid: int | None = None
    gid: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesParams:
    operations: tuple[FileOperation, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyParams:
    """``path``: any path of the file system whose room is asked for."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachQuestion:
    """``address`` or name, and how many seconds of silence make it closed."""

    transport: Literal["tcp", "udp"]
    address: str
    port: int
    wait_s: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachParams:
    questions: tuple[ReachQuestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInParams:
    """Where to listen, for how long at most, and the descriptor whose end is the end."""

    port: int
    limit_s: float = 60
    stop_fd: int = 0
