"""Content: read back from both databases and compared, and tried through the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import front_helper
from drp.actions.databases import DataAction, InstanceParams
from drp.actions.jobs import ADMIN, run_job
from drp.engine.tasks import Absent
from drp.errors import BugError, VerificationError
from drp.model.content import Readback, compare
from drp.model.names import Instance
from drp.model.values import Json, JsonMap
from drp.ports.helpers import Job

_SHOWN = 10


class ReadBack(DataAction[InstanceParams]):
    """Read everything back from an instance's databases: counts, digests, indexes, options, users, keys."""

    name: ClassVar[str] = "content.read"
    params = InstanceParams
    job: ClassVar[str] = "readback"

    def apply(self, ports: WritePorts, params: InstanceParams, call: Call) -> JsonMap:
        tenant = ports.inventory.tenants[Instance.parse(params.instance).tenant]
        managed: list[Json] = [ADMIN, *(account.name for account in tenant.accounts)]
        return self.run(ports, params, call, more={"exclude_users": managed})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareParams:
    """Ids of the two steps that read the databases back."""

    source: str
    target: str
    tenant: str


class CompareContent(Action[CompareParams]):
    """Compare what was read from the two databases; never one list with a copy of itself."""

    name: ClassVar[str] = "content.equal"
    params = CompareParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: CompareParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: CompareParams, call: Call) -> JsonMap:
        source, target = (self._require(call, step) for step in (params.source, params.target))
        differences = compare(source, target)
        if differences:
            shown = "; ".join(str(d) for d in differences[:_SHOWN])
            more = f"; +{len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
            raise VerificationError(f"cannot verify '{params.tenant}': {shown}{more}", page="E18")
        return source.totals()

    @staticmethod
    def _require(call: Call, step: str) -> Readback:
        if step not in call.inputs:
            raise BugError(f"cannot compare: step '{step}' left no read-back")
        return Readback.from_json(call.inputs[step])


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeParams(InstanceParams):
    """``port`` where the API listens on the edge link."""

    port: int


class SmokeTest(Action[SmokeParams]):
    """Send the tenant's smoke requests to the API from where the edge stands."""

    name: ClassVar[str] = "api.smoke"
    params = SmokeParams

    def observe(self, ports: ReadPorts, params: SmokeParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: SmokeParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        requests = self.requests(ports, instance)
        spec = front_helper(ports.inventory, instance, "http", subnets=params.links)
        job = Job(
            kind="http",
            params={
                "base": f"http://api:{params.port}",
                "requests": requests,
                "timeout_s": call.deadline_s * 0.8,
            },
        )
        return run_job(ports, params.host, spec, job, call=call)

    def requests(self, ports: WritePorts, instance: Instance) -> list[Json]:
        """What is sent, in order."""
        return [*ports.inventory.tenants[instance.tenant].smoke]

    def undo(self, ports: WritePorts, params: SmokeParams, call: Call) -> None:
        ports.host(params.host).remove_container(Instance.parse(params.instance).helper("http"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanParams(InstanceParams):
    """``collection`` as ``database.collection``."""

    collection: str


class CleanProbe(DataAction[CleanParams]):
    """Remove a collection that the smoke test may have left behind."""

    name: ClassVar[str] = "content.clean"
    params = CleanParams
    job: ClassVar[str] = "drop-collection"

    def apply(self, ports: WritePorts, params: CleanParams, call: Call) -> JsonMap:
        database, _, collection = params.collection.partition(".")
        return self.run(ports, params, call, more={"db": database, "coll": collection})
