"""The object store of the laboratory: versitygw on a folder, one bucket and one account for each use."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import plan
from tests.lab.machine import LabError, Machine
from tests.lab.programs import require_program

BUCKETS = ("backups", "keys", "witness")
_START_SECONDS = 20
_DOOR_PROGRAM = Path(__file__).parent / "store_faults.py"


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


_DOOR_PORT = plan.STORE_PORT + 1
# While the set holds the store's port, connections lead to the door, and those that were there are reset.
_DOOR = f"""
table ip door {{
	set behind {{ type inet_service; }}
	chain prerouting {{
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport @behind redirect to :{_DOOR_PORT}
	}}
	chain input {{
		type filter hook input priority filter; policy accept;
		iifname != "lo" tcp dport @behind reject with tcp reset
	}}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiling:
    """Answers of the store that are being spoilt; ``orders`` and ``log`` as in ``store_faults``."""

    orders: Path
    log: Path

    def order(self, fault: str, *, buckets: Sequence[str] = (), methods: Sequence[str] = (),
              times: int | None = None) -> None:  # fmt: skip
        words = {"fault": fault, "buckets": [*buckets], "methods": [*methods], "times": times}
        _replace(self.orders, json.dumps(words))

    def heal(self) -> None:
        _replace(self.orders, "{}")

    def spoilt(self) -> list[str]:
        """A line for each spoilt request."""
        return self.log.read_text().splitlines() if self.log.exists() else []


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


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
        self.run("nft", "-f", "-", input=_DOOR)
        program = require_program("versitygw")
        root = {"ROOT_ACCESS_KEY_ID": self._root.access, "ROOT_SECRET_ACCESS_KEY": self._root.secret}
        gateway = ["--region", self._s3.region, "--port", f":{plan.STORE_PORT}", "--quiet"]
        folders = ["--iam-dir", "/run/disk/accounts", "posix", "--versioning-dir", "/run/disk/versions"]
        log = self.disk / "versitygw.log"
        process = self.popen(program, *gateway, *folders, "/run/disk/data", log=log, env=root)
        self._wait_until_listening(plan.STORE_PORT, process)
        self._ensure_buckets()

    def _wait_until_listening(self, port: int, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with self.net():
                try:
                    socket.create_connection((str(plan.STORE), port), timeout=1).close()
                except OSError:
                    time.sleep(0.05)
                else:
                    return
        logs = "".join(path.read_text() for path in self.disk.glob("*.log"))
        raise LabError(f"cannot start '{self.name}': {logs[-2000:].strip()}")

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

    @contextlib.contextmanager
    def spoiling(self) -> Iterator[Spoiling]:
        """Put a door before the store, whose answers a test may order to be spoilt; it begins healed."""
        found = Spoiling(orders=self.disk / "orders.json", log=self.disk / "spoilt.log")
        found.log.unlink(missing_ok=True)
        found.heal()
        words = ["--port", str(_DOOR_PORT), "--store", str(plan.STORE_PORT)]
        files = ["--orders", str(found.orders), "--log", str(found.log)]
        door = self.popen(sys.executable, _DOOR_PROGRAM, *words, *files, log=self.disk / "door.log")
        try:
            self._wait_until_listening(_DOOR_PORT, door)
            self.run("nft", "add", "element", "ip", "door", "behind", f"{{ {plan.STORE_PORT} }}")
            yield found
        finally:
            self.run("nft", "flush", "set", "ip", "door", "behind")
            self.kill(door)
