"""Small jobs on the databases: wait, accounts, logins, sessions, one collection, the expiry of documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from drp.dataplane.job import Context
from drp.dataplane.jobs.params import (
    Account,
    AccountsParams,
    CollectionParams,
    LoginParams,
    ServerParams,
    TtlParams,
    WaitParams,
)
from drp.dataplane.mongodb.capabilities import Capabilities, ask_capabilities
from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.loading import Loader
from drp.dataplane.mongodb.server import CommandError, Server, read
from drp.dataplane.places import CacheEndpoint, Endpoint
from drp.errors import DeadlineError, DeniedError, UnreachableError, UsageError
from drp.model.values import JsonMap, Secret

_USER_EXISTS = 51003
_TRY_S = 2.0  # one try of a wait
_PAUSE_S = 0.2


def run_wait_ready(context: Context) -> JsonMap:
    """Until both databases answer an authenticated ping. Raises DeadlineError, DeniedError.

    A server that is being set up refuses logins for a moment, so a denial ends the wait only at its end.
    """
    params = context.parse(WaitParams)
    until = time.monotonic() + params.timeout_s
    waited: JsonMap = {}
    if params.mongodb:
        waited["mongodb_s"] = _wait(until, partial(_ping_mongodb, context, params.mongodb))
    if params.redis:
        waited["redis_s"] = _wait(until, partial(_ping_redis, context, params.redis))
    return waited


def _wait(until: float, ping: Callable[[], None]) -> float:
    began = time.monotonic()
    while True:
        try:
            ping()
            return round(time.monotonic() - began, 2)
        except (UnreachableError, CommandError, DeniedError) as error:
            if time.monotonic() >= until:
                if isinstance(error, DeniedError):
                    raise
                raise DeadlineError(f"cannot wait any longer: {error.message}") from error
        time.sleep(_PAUSE_S)


def _ping_mongodb(context: Context, endpoint: Endpoint) -> None:
    with context.doors.mongodb(endpoint, context.find_secret("mongodb"), timeout_s=_TRY_S) as server:
        server.command("admin", {"listDatabases": 1, "nameOnly": True})
        if not read(server.command("admin", {"hello": 1})).get("isWritablePrimary"):
            raise UnreachableError("cannot write to MongoDB yet: it is no primary")


def _ping_redis(context: Context, endpoint: CacheEndpoint) -> None:
    with context.doors.cache(endpoint, context.find_secret("redis"), timeout_s=_TRY_S) as cache:
        cache.ask("PING")


def run_accounts(context: Context) -> JsonMap:
    """Creates drp's accounts in ``admin``, or gives them their new password and roles."""
    params = context.parse(AccountsParams)
    with context.open_mongodb(params.mongodb) as server:
        capabilities = ask_capabilities(server)
        told = {
            account.name: _set_account(
                server, capabilities, account, context.require_secret(f"account:{account.name}")
            )
            for account in params.accounts
        }
    return {"accounts": {**told}, "roles": capabilities.has_roles}


def _set_account(server: Server, capabilities: Capabilities, account: Account, password: Secret) -> str:
    """A server without roles takes none: everybody may do everything there."""
    roles = list(account.roles) if capabilities.has_roles else []
    fields = {"pwd": password.reveal().decode(), "roles": roles}
    try:
        server.command("admin", {"createUser": account.name, **fields})
        return "created"
    except CommandError as error:
        if error.code != _USER_EXISTS:
            raise
    server.command("admin", {"updateUser": account.name, **fields})
    return "changed"


def run_check_login(context: Context) -> JsonMap:
    """``accepted``: whether the secret ``candidate`` opens the database. Raises UnreachableError."""
    params = context.parse(LoginParams)
    candidate = context.require_secret("candidate")
    try:
        if params.mongodb:
            endpoint = replace(params.mongodb, user=params.user or params.mongodb.user)
            with context.doors.mongodb(endpoint, candidate) as server:
                server.command("admin", {"ping": 1})
        elif params.redis:
            with context.doors.cache(params.redis, candidate) as cache:
                cache.ask("PING")
        else:
            raise UsageError("cannot run job 'check-login': it names no database")
    except DeniedError:
        return {"accepted": False}
    return {"accepted": True}


def run_sessions(context: Context) -> JsonMap:
    """``others``: client connections that are not drp's; ``known`` false when the server does not tell.

    A server that tells shows at least the connection that asks.
    """
    params = context.parse(ServerParams)
    with context.open_mongodb(params.mongodb) as server:
        try:
            told = read(server.command("admin", {"currentOp": 1, "$all": True}))["inprog"]
        except CommandError as error:
            return {"known": False, "others": [], "reason": error.message}
    own = [entry for entry in told if entry.get("appName") == params.mongodb.application]
    others = {
        (str(entry.get("appName", "")), str(entry["client"]))
        for entry in told
        if "client" in entry and entry not in own and not _is_servers_own(entry)
    }
    if not own:
        return {"known": False, "others": [], "reason": "the server does not show this connection"}
    return {
        "known": True,
        "others": [{"application": name, "client": client} for name, client in sorted(others)],
    }


def _is_servers_own(entry: Mapping[str, Any]) -> bool:
    """Members of a replica set talk to each other as this user."""
    return any(user.get("user") == "__system" for user in entry.get("effectiveUsers", []))


def run_drop_collection(context: Context) -> JsonMap:
    """Removes one collection; a missing one is no error."""
    params = context.parse(CollectionParams)
    with context.open_mongodb(params.mongodb) as server:
        loader = Loader(server, ask_capabilities(server))
        loader.drop(CollectionInfo(database=params.db, name=params.coll, type="collection"))
    return {"dropped": f"{params.db}.{params.coll}"}


def run_ttl_monitor(context: Context) -> JsonMap:
    """Lets documents expire or not; ``was`` is null where the server has no such monitor."""
    params = context.parse(TtlParams)
    with context.open_mongodb(params.mongodb) as server:
        loader = Loader(server, ask_capabilities(server))
        return {"was": loader.set_ttl_monitor(enabled=params.enabled)}
