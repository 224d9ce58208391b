"""The object store of any S3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from drp.dataplane.places import Bucket
from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from drp.model.values import Secret

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchBucket", "NoSuchVersion"}
_DENIED = {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_BUSY = {"SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded", "TooManyRequests"}
_DIGEST = "drp-sha256"  # user metadata that tells whose put it was after an answer was lost


class S3Store:
    """Any S3 that honours If-None-Match on PutObject (AWS, Ceph, MinIO, versitygw, ...)."""

    def __init__(self, place: Bucket, *, access: Secret, secret: Secret, patience_s: float = 20) -> None:
        """``patience_s``: how long an answer may take."""
        self._place = place
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=place.url,
            region_name=place.region,
            aws_access_key_id=access.reveal().decode(),
            aws_secret_access_key=secret.reveal().decode(),
            config=Config(
                connect_timeout=min(5, patience_s),
                read_timeout=patience_s,
                # a store that takes a request and never answers costs a job a minute, not all its deadline
                retries={"mode": "standard", "total_max_attempts": 3},
                max_pool_connections=16,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        )

    def get(self, key: str) -> bytes:
        try:
            answer = self._client.get_object(Bucket=self._place.bucket, Key=self._place.prefix + key)
            return answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            self._raise("read", key, error)

    def find(self, key: str) -> bytes | None:
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def put_once(self, key: str, content: bytes) -> None:
        digest = hashlib.sha256(content).digest()
        try:
            self._client.put_object(
                Bucket=self._place.bucket,
                Key=self._place.prefix + key,
                Body=content,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(digest).decode("ascii"),
                Metadata={_DIGEST: digest.hex()},
            )
        except (ClientError, BotoCoreError) as error:
            self._settle_put(key, digest.hex(), error)

    def _settle_put(self, key: str, digest: str, error: ClientError | BotoCoreError) -> None:
        """A put whose answer was lost is sent again and then meets itself: that is success."""
        if not (isinstance(error, ClientError) and _code(error) in _TAKEN):
            self._raise("write", key, error)
        if self._find_digest(key) != digest:
            raise ConflictError(f"cannot write '{key}': another object has that name") from error

    def _find_digest(self, key: str) -> str | None:
        try:
            head = self._client.head_object(Bucket=self._place.bucket, Key=self._place.prefix + key)
        except (ClientError, BotoCoreError) as error:
            self._raise("look at", key, error)
        return head["Metadata"].get(_DIGEST)

    def iter_versions(self, key: str) -> Iterator[bytes]:
        full = self._place.prefix + key
        try:
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._place.bucket, Prefix=full):
                for version in page.get("Versions", []):
                    if version["Key"] == full:
                        yield self._get_version(full, version["VersionId"])
        except (ClientError, BotoCoreError) as error:
            # without the right or the means to list versions there is only the present one
            if isinstance(error, ClientError) and _code(error) in _DENIED | {"NotImplemented", "501"}:
                return
            self._raise("list versions of", key, error)

    def _get_version(self, full: str, version: str) -> bytes:
        answer = self._client.get_object(Bucket=self._place.bucket, Key=full, VersionId=version)
        return answer["Body"].read()

    def _raise(self, verb: str, key: str, error: ClientError | BotoCoreError) -> NoReturn:
        raise _translate(f"cannot {verb} '{self._place.bucket}/{key}'", error) from error


def _code(error: ClientError) -> str:
    details: Any = error.response.get("Error", {})
    return str(details.get("Code", ""))


def _translate(what: str, error: ClientError | BotoCoreError) -> ProviderError:
    if not isinstance(error, ClientError):
        return UnreachableError(f"{what}: {type(error).__name__}")
    code = _code(error)
    text = f"{what}: the store says {code}"
    if code in _BUSY:
        return RateLimitedError(text, retry_after=1.0)
    for codes, kind in ((_MISSING, NotFoundError), (_DENIED, DeniedError), (_TAKEN, ConflictError)):
        if code in codes:
            return kind(text)
    return RejectedError(text)
