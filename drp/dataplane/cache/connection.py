"""A connection to one Redis, its errors translated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from drp.dataplane.places import CacheEndpoint
from drp.errors import DeniedError, ProviderError, RejectedError, UnreachableError
from drp.model.values import Secret

Word = bytes | str | int


class Cache:
    """One database of one server; replies come as they were sent: bytes, numbers, lists, None."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def ask(self, *command: Word) -> Any:
        """The reply to one command. A refusal raises redis.ResponseError, which ``open_cache`` translates."""
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def ask_all(self, commands: Sequence[Sequence[Word]], *, at_once: bool, strict: bool = True) -> list[Any]:
        """The replies to many commands; ``at_once``: in one transaction; not ``strict``: with refusals."""
        with self._client.pipeline(transaction=at_once) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipeline.execute(raise_on_error=strict))


@contextmanager
def open_cache(
    endpoint: CacheEndpoint, password: Secret | None, *, database: int = 0, timeout_s: float = 20
) -> Iterator[Cache]:
    """Replies as the server sent them, no retries. All errors inside come out as ours."""
    place: dict[str, Any] = {"host": endpoint.host, "port": endpoint.port}
    if endpoint.host.startswith("/"):
        place = {"unix_socket_path": endpoint.host}
    client = redis.Redis(
        **place,
        db=database,
        username=endpoint.user,
        password=None if password is None else password.reveal().decode(),
        socket_connect_timeout=timeout_s,
        socket_timeout=max(timeout_s, 60),
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        protocol=2,
    )
    client.response_callbacks.clear()
    with translated(f"cannot talk to Redis at '{endpoint.host}'"):
        try:
            yield Cache(client)
        finally:
            client.close()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Foreign errors -> ours."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise DeniedError(f"{what}: {error}") from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise UnreachableError(f"{what}: {type(error).__name__}") from error
    except redis.RedisError as error:
        raise translate_refusal(what, error) from error


def translate_refusal(what: str, error: Exception) -> ProviderError:
    """What a server said no to; NOAUTH and the like are denials."""
    words = str(error)
    denied = words.startswith(("NOAUTH", "WRONGPASS", "NOPERM")) or "Authentication required" in words
    return (DeniedError if denied else RejectedError)(f"{what}: {words}")
