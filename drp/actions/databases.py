"""Readiness, accounts and sessions of an instance's databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import data_helper
from drp.actions.freeze import limit_to_freeze
from drp.actions.jobs import ADMIN, databases, password, run_job
from drp.engine.tasks import Absent
from drp.errors import VerificationError
from drp.model.names import Instance
from drp.model.values import Json, JsonMap, Secret
from drp.ports.helpers import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceParams:
    """``links`` maps link -> CIDR, fixed by the plan (the helper's address is reckoned from it).

    ``freeze_s``: seconds for which writes may be held, ``holds``: ids of the steps that hold them; a job
    that runs meanwhile gets no more time than is left.
    """

    host: str
    instance: str
    links: Mapping[str, str]
    freeze_s: float | None = None
    holds: tuple[str, ...] = ()


P = TypeVar("P", bound=InstanceParams)


class DataAction(Action[P]):
    """An action whose work is a helper's job beside the databases: looked at by doing it again.

    Undo ends a helper that a killed run left behind.
    """

    job: ClassVar[str]

    def observe(self, ports: ReadPorts, params: P, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: P, call: Call) -> JsonMap:
        return self.run(ports, params, call)

    def undo(self, ports: WritePorts, params: P, call: Call) -> None:
        self.remove_helper(ports, params)

    def remove_helper(self, ports: WritePorts, params: P) -> None:
        """End the helper of a run that was killed, should there be one."""
        ports.host(params.host).remove_container(Instance.parse(params.instance).helper(self.job))

    def run(
        self,
        ports: WritePorts,
        params: P,
        call: Call,
        *,
        more: JsonMap | None = None,
        secrets: Mapping[str, Secret] | None = None,
    ) -> JsonMap:
        """Run the job with the databases' parameters and ``more``; its result."""
        instance = Instance.parse(params.instance)
        base, keys = databases(ports, instance)
        spec = data_helper(ports.inventory, instance, self.job, subnets=params.links)
        job = Job(kind=self.job, params={**base, **(more or {})}, secrets={**keys, **(secrets or {})})
        limited = limit_to_freeze(
            ports, call, tenant=instance.tenant, limit_s=params.freeze_s, holds=params.holds
        )
        return run_job(ports, params.host, spec, job, call=limited)


class WaitReady(DataAction[InstanceParams]):
    """Wait until both databases answer an authenticated ping."""

    name: ClassVar[str] = "database.ready"
    params = InstanceParams
    job: ClassVar[str] = "wait-ready"

    def apply(self, ports: WritePorts, params: InstanceParams, call: Call) -> JsonMap:
        return self.run(ports, params, call, more={"timeout_s": call.deadline_s * 0.8})


class RefreshAccounts(DataAction[InstanceParams]):
    """Create or re-key the accounts that drp manages, with this instance's fresh passwords."""

    name: ClassVar[str] = "database.accounts"
    params = InstanceParams
    job: ClassVar[str] = "accounts"

    def apply(self, ports: WritePorts, params: InstanceParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        accounts = ports.inventory.tenants[instance.tenant].accounts
        listed: list[Json] = [{"name": a.name, "roles": [*a.roles]} for a in accounts]
        secrets = {f"account:{a.name}": password(ports, instance, a.name) for a in accounts}
        return self.run(ports, params, call, more={"accounts": listed}, secrets=secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorParams(InstanceParams):
    """``enabled``: whether documents that have expired are removed from now on."""

    enabled: bool


class SetTtlMonitor(DataAction[MonitorParams]):
    """Let expired documents be removed, or not: two databases are compared only while nothing removes any.

    A server that has no such thing answers so, and nothing is changed. Undo lets them be removed.
    """

    name: ClassVar[str] = "database.ttl-monitor"
    params = MonitorParams
    job: ClassVar[str] = "ttl-monitor"

    def apply(self, ports: WritePorts, params: MonitorParams, call: Call) -> JsonMap:
        return self.run(ports, params, call, more={"enabled": params.enabled})

    def undo(self, ports: WritePorts, params: MonitorParams, call: Call) -> None:
        # the way back may take its time
        self.run(ports, replace(params, freeze_s=None), call, more={"enabled": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerParams(InstanceParams):
    """``former``: the instance whose passwords must no longer open anything."""

    former: str


class RefuseFormer(DataAction[FormerParams]):
    """Prove that the passwords of the former instance are refused by this one."""

    name: ClassVar[str] = "database.refuses-former"
    params = FormerParams
    job: ClassVar[str] = "check-login"

    def apply(self, ports: WritePorts, params: FormerParams, call: Call) -> JsonMap:
        former = Instance.parse(params.former)
        accounts = [ADMIN, *(a.name for a in ports.inventory.tenants[former.tenant].accounts)]
        for account in accounts:
            result = self.run(
                ports,
                params,
                call,
                more={"user": account},
                secrets={"candidate": password(ports, former, account)},
            )
            if result.get("accepted") is not False:
                raise VerificationError(
                    f"cannot trust '{params.instance}': it accepts the password that '{account}' had before",
                    page="I3",
                )
        return {"refused": [*accounts]}


class CheckQuiet(DataAction[InstanceParams]):
    """Prove that nobody but the helper can reach the frozen database: by its link, and by its sessions."""

    name: ClassVar[str] = "database.quiet"
    params = InstanceParams
    job: ClassVar[str] = "sessions"

    def apply(self, ports: WritePorts, params: InstanceParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        # else it would be a stranger to itself
        self.remove_helper(ports, params)
        network = ports.host(params.host).find_network(instance.network("data"))
        members = set() if network is None else set(network.members)
        strangers = sorted(members - {instance.container("mongodb")})
        if strangers:
            raise VerificationError(
                f"cannot freeze '{instance}': {', '.join(strangers)} is still on its database link",
                page="E13",
            )
        result = self.run(ports, params, call)
        if result.get("others"):
            raise VerificationError(
                f"cannot freeze '{instance}': its database has other sessions open", page="E13"
            )
        return result
