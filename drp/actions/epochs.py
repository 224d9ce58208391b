"""Who owns a tenant, as the witness holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.engine.tasks import Absent, Present
from drp.errors import VerificationError
from drp.model.values import JsonMap
from drp.witness.epochs import Claim, EpochReader, Epochs, Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochParams:
    tenant: str
    epoch: int
    site: str
    host: str


class ClaimEpoch(Action[EpochParams]):
    """Reserve the number under which everything of the new instance is made. A claimed number is burnt."""

    name: ClassVar[str] = "epoch.claim"
    params = EpochParams

    def observe(self, ports: ReadPorts, params: EpochParams, call: Call) -> Observation:
        reader = EpochReader(ports.store(ports.inventory.witness))
        found = reader.find_claim(params.tenant, params.epoch)
        if found is None or found.run != call.run:
            return Absent()
        return Present({"tenant": params.tenant, "epoch": params.epoch})

    def apply(self, ports: WritePorts, params: EpochParams, call: Call) -> JsonMap:
        claim = Claim(
            tenant=params.tenant,
            epoch=params.epoch,
            run=call.run,
            site=params.site,
            host=params.host,
            actor=call.actor,
            time=ports.clock.now().isoformat(),
            digest=ports.inventory.digest,
        )
        found = Epochs(ports.store(ports.inventory.witness)).claim(claim)
        return {"tenant": params.tenant, "epoch": found.epoch}


class ServeEpoch(Action[EpochParams]):
    """Say in the witness that this epoch serves the tenant from now on."""

    name: ClassVar[str] = "epoch.serve"
    params = EpochParams

    def observe(self, ports: ReadPorts, params: EpochParams, call: Call) -> Observation:
        found = EpochReader(ports.store(ports.inventory.witness)).find_serving(params.tenant)
        return Present() if found is not None and found.epoch == params.epoch else Absent()

    def apply(self, ports: WritePorts, params: EpochParams, call: Call) -> JsonMap:
        serving = Serving(
            tenant=params.tenant,
            epoch=params.epoch,
            run=call.run,
            site=params.site,
            host=params.host,
            since=ports.clock.now().isoformat(),
        )
        return {"since": Epochs(ports.store(ports.inventory.witness)).serve(serving).since}


class CheckOwned(Action[EpochParams]):
    """The witness says that this epoch, on this host, serves the tenant now."""

    name: ClassVar[str] = "epoch.owned"
    params = EpochParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: EpochParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: EpochParams, call: Call) -> JsonMap:
        found = EpochReader(ports.store(ports.inventory.witness)).find_serving(params.tenant)
        if found is None or (found.epoch, found.host) != (params.epoch, params.host):
            owner = f"{found.site} on {found.host} under epoch {found.epoch}" if found else "nobody"
            raise VerificationError(
                f"cannot open '{params.tenant}' on '{params.host}': {owner} serves it",
                hint=f"Who serves says `drp status {params.tenant}`.",
                page="H1",
            )
        return {"since": found.since}
