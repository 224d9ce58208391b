"""The object store of the laboratory: versitygw on a folder, one bucket and one account for each use."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field

from tests.lab import plan
from tests.lab.machine import LabError, Machine
from tests.lab.programs import require_program

BUCKETS = ("backups", "keys", "witness")
_START_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account of the store."""

    access: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3:
    """``buckets`` maps each bucket to the only account that may use it."""

    endpoint: str
    region: str
    buckets: dict[str, Credentials]


def build_s3() -> S3:
    """New accounts."""
    return S3(
        endpoint=f"http://{plan.STORE}:{plan.STORE_PORT}",
        region="lab-1",
        buckets={bucket: _build_credentials(bucket) for bucket in BUCKETS},
    )


def _build_credentials(name: str) -> Credentials:
    return Credentials(access=f"{name}-{secrets.token_hex(4)}", secret=secrets.token_urlsafe(30))


class StoreMachine(Machine):
    """``boot`` returns when the store answers and its buckets are there."""

    def equip(self, s3: S3) -> None:
        """Write the accounts. The root account stays in this machine: it makes the buckets."""
        self._s3, self._root = s3, _build_credentials("root")
        for folder in ("data", "versions", "accounts"):
            (self.disk / folder).mkdir(parents=True, exist_ok=True)
        accounts = {
            c.access: {"access": c.access, "secret": c.secret, "role": "user"} for c in s3.buckets.values()
        }
        (self.disk / "accounts" / "users.json").write_text(json.dumps({"accessAccounts": accounts}))

    def boot(self) -> None:
        super().boot()
        program = require_program("versitygw")
        root = {"ROOT_ACCESS_KEY_ID": self._root.access, "ROOT_SECRET_ACCESS_KEY": self._root.secret}
        gateway = ["--region", self._s3.region, "--port", f":{plan.STORE_PORT}", "--quiet"]
        folders = ["--iam-dir", "/run/disk/accounts", "posix", "--versioning-dir", "/run/disk/versions"]
        log = self.disk / "versitygw.log"
        process = self.popen(program, *gateway, *folders, "/run/disk/data", log=log, env=root)
        self._wait_until_answering(process)
        self._ensure_buckets()

    def _wait_until_answering(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with self.net():
                try:
                    socket.create_connection((str(plan.STORE), plan.STORE_PORT), timeout=1).close()
                except OSError:
                    time.sleep(0.05)
                else:
                    return
        log = (self.disk / "versitygw.log").read_text()
        raise LabError(f"cannot start '{self.name}': {log[-2000:].strip()}")

    def _ensure_buckets(self) -> None:
        program = require_program("versitygw")
        login = {
            "ADMIN_ACCESS_KEY_ID": self._root.access,
            "ADMIN_SECRET_ACCESS_KEY": self._root.secret,
            "ADMIN_ENDPOINT_URL": self._s3.endpoint,
            "ADMIN_REGION": self._s3.region,
        }
        for bucket, account in self._s3.buckets.items():
            if not (self.disk / "data" / bucket).exists():
                words = ["admin", "create-bucket", "--owner", account.access, "--bucket", bucket]
                self.run(program, *words, env=login)
