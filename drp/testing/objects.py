"""An object store in memory."""

from __future__ import annotations

import hashlib
import threading

from drp.errors import ConflictError, DeniedError, NotFoundError, UnreachableError
from drp.model.values import Json
from drp.testing.failures import Scripted

_ONE_WRITER = threading.Lock()  # of the module: a fake that held a lock could not be deep-copied


class FakeObjects(Scripted):
    """Put-once objects. Identities of a bucket share ``content`` and differ in ``denied`` (method names)."""

    def __init__(
        self, content: dict[str, bytes] | None = None, *, denied: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self.content: dict[str, bytes] = {} if content is None else content
        self.denied = denied
        self.lenient = False
        """True: a store that does not know conditional puts and overwrites what is there."""
        self.down = False
        """True: no answer to anything."""

    def get(self, key: str) -> bytes:
        self._check("get", key)
        with self._call("get"):
            if key not in self.content:
                raise NotFoundError(f"cannot read object '{key}': it does not exist")
            return self.content[key]

    def find(self, key: str) -> bytes | None:
        self._check("find", key)
        with self._call("find"):
            return self.content.get(key)

    def list(self, prefix: str) -> list[str]:
        self._check("list", prefix)
        with self._call("list"):
            return sorted(key for key in self.content if key.startswith(prefix))

    def put_once(self, key: str, content: bytes) -> None:
        self._check("put_once", key)
        with self._call("put_once"), _ONE_WRITER:
            if key in self.content and not self.lenient:
                raise ConflictError(f"cannot create object '{key}': it exists")
            self.content[key] = content

    def delete(self, key: str) -> None:
        self._check("delete", key)
        with self._call("delete"):
            self.content.pop(key, None)

    def dump(self) -> Json:
        """Key -> SHA-256 of the content."""
        return {key: hashlib.sha256(content).hexdigest() for key, content in sorted(self.content.items())}

    def _check(self, method: str, key: str) -> None:
        if self.down:
            raise UnreachableError(f"cannot {method} object '{key}': no answer")
        if method in self.denied:
            raise DeniedError(f"cannot {method} object '{key}': this identity has no right to")
