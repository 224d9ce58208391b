"""A server as a narrow port: one command in, the raw reply out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError
from pymongo.errors import DocumentTooLarge as TooLarge

from drp.dataplane.places import Endpoint
from drp.errors import (
    BugError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RejectedError,
    UnreachableError,
    VerificationError,
)
from drp.model.values import Secret

RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
_DENIED = {13, 18, 33}  # Unauthorized, AuthenticationFailed, ProtocolError of a failed login
_MISSING = {26}  # NamespaceNotFound
DUPLICATE_KEY = 11000
UNKNOWN_FIELD = frozenset({2, 9, 40415, 51177})  # how servers say that they do not know a field


class CommandError(ProviderError):
    """The server answered with an error; ``code`` is its number (0 when it gave none)."""

    code: int = 0


class CommandDeniedError(CommandError, DeniedError):
    """Not allowed, or not logged in."""


class NamespaceMissingError(CommandError, NotFoundError):
    """No such collection."""


class CommandRejectedError(CommandError, RejectedError):
    """Understood and refused."""


class Server(Protocol):
    """Errors of every command: CommandError with the server's code, UnreachableError."""

    def command(self, database: str, command: Mapping[str, Any]) -> bytes:
        """The raw BSON of the reply. ``documents`` may be a list with one Bulk."""
        ...

    def session(self) -> AbstractContextManager[Server]:
        """A server whose commands share one logical session, as a cursor needs."""
        ...


class Bulk:
    """Documents laid end to end that travel as they are, as the documents of one insert.

    The driver's encoder copies ``raw`` of whatever carries this type marker into the message.
    """

    _type_marker = 101
    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


class MongoServer:
    """A server reached by the driver without its retries: a lost reply is an error, not a skipped batch."""

    def __init__(self, client: MongoClient[Any], session: ClientSession | None = None) -> None:
        self._client = client
        self._session = session

    def command(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = next(iter(command))
        try:
            reply = self._client[database].command(dict(command), codec_options=RAW, session=self._session)
        except PyMongoError as error:
            raise translate(f"{name} on '{database}'", error) from error
        return bytes(reply.raw)

    @contextmanager
    def session(self) -> Iterator[Server]:
        try:
            session = self._client.start_session(causal_consistency=False)
        except ConfigurationError:
            # A server without sessions: its cursors need none.
            yield self
            return
        with session:
            yield MongoServer(self._client, session)


@contextmanager
def open_server(
    endpoint: Endpoint, password: Secret | None, *, timeout_s: float = 20
) -> Iterator[MongoServer]:
    """A connection to exactly this server, whatever replica set it is in."""
    if not bson.has_c():
        raise BugError("cannot carry documents untouched: the driver lacks its C extension")
    login: dict[str, Any] = {}
    if endpoint.user is not None and password is not None:
        login = {
            "username": endpoint.user,
            "password": password.reveal().decode(),
            "authSource": endpoint.login_database,
        }
    client: MongoClient[Any] = MongoClient(
        endpoint.host,
        endpoint.port,
        **login,
        directConnection=True,
        retryReads=False,
        retryWrites=False,
        appname=endpoint.application,
        serverSelectionTimeoutMS=round(timeout_s * 1000),
        connectTimeoutMS=10_000,
    )
    with client:
        yield MongoServer(client)


def translate(what: str, error: PyMongoError) -> ProviderError:
    """Foreign error -> ours, naming the command and the server's words, never its arguments."""
    if isinstance(error, OperationFailure):
        details = error.details or {}
        words = details.get("errmsg") or str(error)
        return command_error(f"cannot run {what}: {words}", error.code or 0)
    if isinstance(error, (InvalidDocument, TooLarge, ConfigurationError)):
        return RejectedError(f"cannot run {what}: {type(error).__name__}")
    return UnreachableError(f"cannot run {what}: {type(error).__name__}")


def command_error(message: str, code: int) -> CommandError:
    """The error class that fits a server's code."""
    kind: type[CommandError] = CommandRejectedError
    if code in _DENIED:
        kind = CommandDeniedError
    elif code in _MISSING:
        kind = NamespaceMissingError
    error = kind(f"{message} (code {code})")
    error.code = code
    return error


def read(reply: bytes) -> RawBSONDocument:
    """A reply as a mapping whose inner documents stay raw."""
    return RawBSONDocument(reply, RAW)


def check_write(reply: bytes, *, what: str, expected: int | None = None, tolerated: int | None = None) -> int:
    """A write is done only when nothing was refused and all documents are counted.

    ``tolerated``: a code that does not count as refused; how often it came is returned.
    Raises CommandError for a refused one, VerificationError when the count differs.
    """
    told = read(reply)
    errors = list(told.get("writeErrors", []))
    refused = [error for error in errors if error.get("code") != tolerated]
    refused += [told["writeConcernError"]] if "writeConcernError" in told else []
    if refused:
        code = int(refused[0].get("code", 0))
        raise command_error(f"cannot {what}: {refused[0].get('errmsg', 'refused')}", code)
    if expected is not None and told.get("n") != expected - len(errors):
        raise VerificationError(f"cannot {what}: the server counts {told.get('n')} of {expected} documents")
    return len(errors)


def require_raw(value: object) -> bytes:
    """The bytes of a value that must be a raw document. Raises BugError."""
    if isinstance(value, RawBSONDocument):
        return bytes(value.raw)
    raise BugError(f"cannot read a reply: {type(value).__name__} where a document was expected")
