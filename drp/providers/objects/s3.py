"""An S3 bucket as object store: explicit credentials only.

A read or a deletion is repeated a few times when the store is busy or silent; a creation is not, because
one whose answer was lost may have been done.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, SSLError
from botocore.exceptions import ConnectionError as NoConnectionError

from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from drp.model.inventory import Store
from drp.model.values import Secret
from drp.providers.patience import USUAL, Patience

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# Nothing of the machine's own AWS set-up may reach a client: (key in file, variable, default, conversion)
_NO_ENVIRONMENT: Final[dict[str, Any]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
    "data_path": (None, None, None, None),
}

# The description of S3, read from disk once for all stores
_LOADER: Final = botocore.loaders.create_loader()

# Said of a missing object only: a missing bucket, or a 404 of something in between, is a failure
_NO_OBJECT: Final = "NoSuchKey"

_TAKEN: Final = frozenset({409, 412})
_DENIED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({"SlowDown", "TooManyRequests", "Throttling", "RequestLimitExceeded"})
_WAIT_WHEN_BUSY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Prefix of all keys, CA bundle (path; "": the system), time-outs in seconds, keys in a list page.

    ``read_timeout`` is shorter than the deadline of any step, so that a silent store is named as what it is.
    """

    prefix: str = ""
    ca_file: str = ""
    connect_timeout: float = 3.0
    read_timeout: float = 10.0
    page_size: int = 1000
    patience: Patience = USUAL


class S3Objects:
    """``ports.objects.ObjectStore`` on one bucket; safe to share between threads."""

    def __init__(self, store: Store, key: Secret, options: S3Options | None = None) -> None:
        """``key`` is JSON ``{"access": …, "secret": …}``. Raises DeniedError when it is not."""
        self._options = options or S3Options()
        self._bucket = store.bucket
        self._where = f"{store.url}/{store.bucket}"
        self._client = _build_client(store, key, self._options)

    def get(self, key: str) -> bytes:
        return self._options.patience.call(self._get, key)

    def _get(self, key: str) -> bytes:
        with self._translated("read", key):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._full(key))
            return answer["Body"].read()

    def find(self, key: str) -> bytes | None:
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def list(self, prefix: str) -> list[str]:
        return self._options.patience.call(self._list, prefix)

    def _list(self, prefix: str) -> builtins.list[str]:
        with self._translated("list", f"{prefix}*"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=self._full(prefix),
                PaginationConfig={"PageSize": self._options.page_size},
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return sorted(key[len(self._options.prefix) :] for key in keys)

    def put_once(self, key: str, content: bytes) -> None:
        with self._translated("create", key):
            self._client.put_object(Bucket=self._bucket, Key=self._full(key), Body=content, IfNoneMatch="*")

    def delete(self, key: str) -> None:
        self._options.patience.call(self._delete, key)

    def _delete(self, key: str) -> None:
        try:
            with self._translated("delete", key):
                self._client.delete_object(Bucket=self._bucket, Key=self._full(key))
        except NotFoundError:
            pass  # some stores answer 404 instead of 204

    def _full(self, key: str) -> str:
        return self._options.prefix + key

    @contextmanager
    def _translated(self, verb: str, key: str) -> Iterator[None]:
        what = f"cannot {verb} object '{self._full(key)}'"
        try:
            yield
        except ClientError as cause:
            raise _translate_answer(cause, what) from cause
        except SSLError as cause:
            raise RejectedError(f"{what}: '{self._where}' has no certificate we trust", page="D5") from cause
        except (NoConnectionError, HTTPClientError, IncompleteReadError) as cause:
            raise UnreachableError(
                f"{what}: no answer from '{self._where}' ({type(cause).__name__})", page="B18"
            ) from cause
        except BotoCoreError as cause:
            raise RejectedError(f"{what}: {cause}") from cause


def _build_client(store: Store, key: Secret, options: S3Options) -> S3Client:
    access, secret = _parse_key(store, key)
    core = botocore.session.Session(session_vars=_NO_ENVIRONMENT)
    core.register_component("data_loader", _LOADER)
    return boto3.Session(botocore_session=core).client(
        "s3",
        endpoint_url=store.url,
        region_name=store.region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        verify=options.ca_file or True,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path", "payload_signing_enabled": True},
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
            proxies={},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _parse_key(store: Store, key: Secret) -> tuple[str, str]:
    try:
        fields = json.loads(key.reveal())
        return str(fields["access"]), str(fields["secret"])
    except (ValueError, KeyError, TypeError):
        # not chained: the cause would carry the secret's text
        raise DeniedError(
            f"cannot open store '{store.name}': its key is not JSON with access and secret"
        ) from None


def _translate_answer(error: ClientError, what: str) -> ProviderError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == _NO_OBJECT:
        return NotFoundError(f"{what}: it does not exist")
    if code in _BUSY or status == 429:
        return RateLimitedError(
            f"{what}: the store asks for a pause ({code})", retry_after=_retry_after(error)
        )
    if status in _TAKEN:
        return ConflictError(f"{what}: it exists already")
    if status in _DENIED:
        return DeniedError(f"{what}: the store refused the credentials ({code})", page="D5")
    if status >= 500 and status != 501:
        return UnreachableError(f"{what}: the store failed ({status} {code})")
    return RejectedError(f"{what}: the store said {status} {code}")


def _retry_after(error: ClientError) -> float:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return float(headers.get("retry-after", _WAIT_WHEN_BUSY_S))
    except ValueError:  # a date instead of seconds
        return _WAIT_WHEN_BUSY_S
