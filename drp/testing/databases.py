"""A tenant's databases in memory: their state is a file of the instance's volume on the fake host.

So a volume that goes takes the data with it, and a picture of the hosts holds the data's digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from drp.dataplane import keys
from drp.dataplane.manifest import (
    Catalog,
    DataKey,
    Manifest,
    Stream,
    backup_prefix,
    find_manifest,
    require_manifest,
    seal_manifest,
    summary,
)
from drp.dataplane.tally import Tally
from drp.errors import DeniedError, UnreachableError, VerificationError
from drp.model.names import Instance
from drp.model.specs import ContainerSpec
from drp.model.values import Json, JsonMap, Secret
from drp.ports.helpers import Job
from drp.testing.clock import START
from drp.testing.host_world import FakeFile
from drp.testing.hosts import FakeHost
from drp.testing.objects import FakeObjects

STATE: Final = "state.json"
State = dict[str, Any]
"""``collections`` (``db.coll`` -> {documents, indexes}), ``users``, ``accounts`` (key digests), ``redis``."""


def empty_state() -> State:
    return {"collections": {}, "users": {}, "accounts": {}, "redis": {}, "ttl_monitor": True}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _secret_digest(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal()).hexdigest()[:16]


class FakeDatabases:
    """Job handlers over the states in the volumes; ``stores`` are the buckets by name."""

    def __init__(self, stores: Mapping[str, FakeObjects]) -> None:
        self.stores = dict(stores)
        self.damage_restored: Callable[[State], None] | None = None
        """Applied to what each restore brings (a test's planted damage)."""

    def handlers(self) -> dict[str, Callable[[FakeHost, ContainerSpec, Job], JsonMap]]:
        return {
            "wait-ready": self.wait_ready,
            "accounts": self.accounts,
            "check-login": self.check_login,
            "sessions": self.sessions,
            "ttl-monitor": self.ttl_monitor,
            "backup": self.backup,
            "restore": self.restore,
            "readback": self.readback,
            "drop-collection": self.drop_collection,
            "http": self.http,
            "files": self.files,
        }

    # the state

    def load(self, host: FakeHost, instance: Instance) -> State:
        """The databases' state; an empty one before the first write."""
        file = host.world.volumes[instance.volume("mongodb")].files.get(STATE)
        return empty_state() if file is None else dict(json.loads(file.content))

    def save(self, host: FakeHost, instance: Instance, state: State) -> None:
        content = json.dumps(state, sort_keys=True).encode()
        host.world.volumes[instance.volume("mongodb")].files[STATE] = FakeFile(content)

    @staticmethod
    def _instance(spec: ContainerSpec) -> Instance:
        name = next(a.network for a in spec.attachments if a.network.endswith(("-data", "-edge")))
        return Instance.parse(name.rpartition("-")[0])

    def _open(self, host: FakeHost, spec: ContainerSpec, job: Job) -> tuple[Instance, State]:
        """Log in as drp: the server must run, and the password be the one it was started with."""
        instance = self._instance(spec)
        server = host.find_container(instance.container("mongodb"))
        if server is None or not server.running:
            raise UnreachableError(f"cannot reach MongoDB of '{instance}': it does not run")
        wanted = host.read_file(server.name, "/run/secrets/mongodb-password")
        if wanted != job.secrets["mongodb"].reveal():
            raise DeniedError(f"cannot log in to MongoDB of '{instance}': wrong password")
        return instance, self.load(host, instance)

    # jobs

    def wait_ready(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        self._open(host, spec, job)
        return {}

    def accounts(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance, state = self._open(host, spec, job)
        names = [name.partition(":")[2] for name in job.secrets if name.startswith("account:")]
        for name in names:
            state["accounts"][name] = _secret_digest(job.secrets[f"account:{name}"])
        self.save(host, instance, state)
        return {"accounts": [*names]}

    def check_login(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance, state = self._open(host, spec, job)
        server = host.read_file(instance.container("mongodb"), "/run/secrets/mongodb-password")
        good = {**state["accounts"], "drp": _secret_digest(Secret(server or b""))}
        return {"accepted": good.get(str(job.params["user"])) == _secret_digest(job.secrets["candidate"])}

    def sessions(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        self._open(host, spec, job)
        return {"others": [], "known": True}

    def ttl_monitor(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance, state = self._open(host, spec, job)
        was = state.get("ttl_monitor", True)
        state["ttl_monitor"] = job.params["enabled"]
        self.save(host, instance, state)
        return {"was": was}

    def drop_collection(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance, state = self._open(host, spec, job)
        state["collections"].pop(f"{job.params['db']}.{job.params['coll']}", None)
        self.save(host, instance, state)
        return {}

    def http(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance = self._instance(spec)
        api = host.find_container(instance.container("api"))
        if api is None or not api.running:
            raise UnreachableError(f"cannot reach the API of '{instance}': it does not run")
        state = self.load(host, instance)
        state["collections"].setdefault("app.drp_probe", {"documents": ["probe"], "indexes": []})
        self.save(host, instance, state)
        return {"requests": len(job.params["requests"])}  # type: ignore[arg-type]

    def readback(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        _, state = self._open(host, spec, job)
        return render_readback(state)

    def backup(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        _, state = self._open(host, spec, job)
        store, blocks = self._bucket(job, "store"), self._bucket(job, "keys")
        tenant, backup = str(job.params["tenant"]), str(job.params["backup_id"])
        signers: JsonMap = {
            str(job.params["site"]): base64.b64encode(keys.public_of(job.secrets["signing"])).decode()
        }
        found = find_manifest(store, tenant, backup, signers=signers)
        if found is None:
            found = self._write(job, state, store=store, blocks=blocks)
        return summary(found)

    def _write(self, job: Job, state: State, *, store: FakeObjects, blocks: FakeObjects) -> Manifest:
        tenant, backup = str(job.params["tenant"]), str(job.params["backup_id"])
        prefix = backup_prefix(tenant, backup)
        attempt = str(1 + len({key.split("/")[4] for key in store.list(prefix)}))
        data_key = keys.new_data_key()
        public = base64.b64decode(str(job.params["public_key"]))
        block = keys.seal_data_key(public, data_key, tenant=tenant, attempt=attempt)
        content = json.dumps(state, sort_keys=True).encode()
        blocks.put_once(f"{prefix}{attempt}/key.json", block)
        store.put_once(f"{prefix}{attempt}/content", content)
        manifest = Manifest(
            tenant=tenant,
            backup_id=backup,
            attempt=attempt,
            env=str(job.params["env"]),
            site=str(job.params["site"]),
            began=_moment(backup),
            ended=_moment(backup),
            mode="scan",
            cluster_time=None,
            data_key=DataKey(
                id=keys.build_key_id(public),
                block=f"{prefix}{attempt}/key.json",
                block_sha256=hashlib.sha256(block).hexdigest(),
                check=keys.build_check_value(data_key),
            ),
            catalog=Catalog(
                object=f"{prefix}{attempt}/content",
                sha256=hashlib.sha256(content).hexdigest(),
                bytes=len(content),
                raw_bytes=len(content),
            ),
            streams=_streams(state),
            packs=(),
        )
        store.put_once(manifest.object, seal_manifest(manifest, job.secrets["signing"]))
        return manifest

    def restore(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        instance, state = self._open(host, spec, job)
        store = self._bucket(job, "store")
        signers = job.params["signers"]
        assert isinstance(signers, dict)
        manifest = require_manifest(
            store, str(job.params["tenant"]), str(job.params["backup_id"]), signers=signers
        )
        if keys.build_check_value(job.secrets["data-key"]) != manifest.data_key.check:
            raise VerificationError("cannot open the backup: wrong data key")
        content = store.get(manifest.catalog.object)
        if hashlib.sha256(content).hexdigest() != manifest.catalog.sha256:
            raise VerificationError(
                f"cannot read '{manifest.catalog.object}': its content is not what the manifest says"
            )
        loaded = json.loads(content)
        loaded["accounts"] = state["accounts"]
        loaded["ttl_monitor"] = bool(job.params["ttl_monitor"])
        if self.damage_restored is not None:
            self.damage_restored(loaded)
        self.save(host, instance, loaded)
        return summary(manifest)

    def files(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        operations = job.params["operations"]
        assert isinstance(operations, list)
        kinds: JsonMap = {}
        stats: JsonMap = {}
        for operation in operations:
            assert isinstance(operation, dict)
            path = str(operation["path"])
            if operation["op"] == "remove":
                for name in [n for n in host.world.tmpfs if n == path or n.startswith(f"{path}/")]:
                    del host.world.tmpfs[name]
            elif operation["op"] == "statfs":
                kinds[path] = "tmpfs"
            elif operation["op"] == "stat":
                inside = [n for n in host.world.tmpfs if n == path or n.startswith(f"{path}/")]
                stats[path] = {"size": 0} if inside else None
        return {"statfs": kinds, "stat": stats}

    def _bucket(self, job: Job, role: str) -> FakeObjects:
        place = job.params[role]
        assert isinstance(place, dict)
        return self.stores[str(place["bucket"])]


def _moment(backup: str) -> str:
    """When a backup was taken: its id begins with that."""
    try:
        return datetime.strptime(backup[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return START.isoformat()


def _streams(state: State) -> tuple[Stream, ...]:
    return tuple(
        Stream(
            number=i,
            kind="collection",
            database=name.partition(".")[0],
            name=name.partition(".")[2],
            type="collection",
            mode="scan",
            tally=Tally(
                documents=len(found["documents"]),
                bytes=len(json.dumps(found["documents"])),
                digest=int(_digest(found["documents"]), 16),
            ),
        )
        for i, (name, found) in enumerate(sorted(state["collections"].items()))
    )


def render_readback(state: State) -> JsonMap:
    """What the job ``readback`` answers for a state."""
    collections: list[Json] = [
        {
            "db": name.partition(".")[0],
            "coll": name.partition(".")[2],
            "type": "collection",
            "documents": len(found["documents"]),
            "bytes": len(json.dumps(found["documents"])),
            "digest": _digest(found["documents"]),
            "indexes": {str(index): _digest(index) for index in found["indexes"]},
        }
        for name, found in sorted(state["collections"].items())
    ]
    users: list[Json] = [
        {"db": "admin", "user": name, "digest": _digest(found)}
        for name, found in sorted(state["users"].items())
    ]
    return {"collections": collections, "users": users, "roles": [], "redis": []}
