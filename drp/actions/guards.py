"""The guard of a host: keeps its edge permitted to answer, and fences what another site took over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import EDGE_FOLDER, HELPER_UID
from drp.actions.jobs import store_credentials
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import DeadlineError
from drp.guard.settings import FILE, render_settings
from drp.model.inventory import Inventory
from drp.model.names import GUARD
from drp.model.specs import FileSpec
from drp.model.values import JsonMap, Secret

_INSIDE: Final = "/run/secrets"
_EDGE_PORT: Final = 80
_POLL: Final = timedelta(seconds=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardParams:
    host: str


class ConfigureGuard(Action[GuardParams]):
    """Tell the guard of a host whom to ask. It reads this before each turn, so it need not start anew."""

    name: ClassVar[str] = "guard.configure"
    params = GuardParams

    def observe(self, ports: ReadPorts, params: GuardParams, call: Call) -> Observation:
        if ports.host(params.host).find_container(GUARD) is None:
            return Absent()
        found = ports.host(params.host).read_file(GUARD, f"{_INSIDE}/{FILE}")
        if found is None:
            return Absent()
        return Present() if found == _settings(ports, params.host).reveal() else Partial("other settings")

    def apply(self, ports: WritePorts, params: GuardParams, call: Call) -> JsonMap:
        content = _settings(ports, params.host)
        file = FileSpec(name=FILE, content=content, uid=0, gid=HELPER_UID, mode=0o440)
        ports.host(params.host).put_files(GUARD, _INSIDE, [file])
        return {"peers": len(find_peers(ports.inventory, params.host))}


def _settings(ports: ReadPorts | WritePorts, host: str) -> Secret:
    inventory = ports.inventory
    witness = inventory.stores[inventory.witness]
    access, secret = store_credentials(ports, witness)
    plain: JsonMap = {
        "host": host,
        "site": inventory.host(host).site,
        "term_s": inventory.fence.term.total_seconds(),
        "folder": EDGE_FOLDER,
        "peers": [*find_peers(inventory, host)],
        "witness": {"url": witness.url, "region": witness.region, "bucket": witness.bucket},
    }
    return render_settings(plain, access=access, secret=secret, key=ports.secret(inventory.fence.key))


def find_peers(inventory: Inventory, host: str) -> tuple[str, ...]:
    """``address:port`` by which the guards of the other sites are asked."""
    site = inventory.host(host).site
    return tuple(f"{other.edge}:{_EDGE_PORT}" for other in inventory.hosts() if other.site != site)


class CheckPermitted(Action[GuardParams]):
    """Wait until the edge of a host is permitted to answer: its guard lives and somebody vouches for it."""

    name: ClassVar[str] = "guard.permits"
    params = GuardParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: GuardParams, call: Call) -> Observation:
        return Present() if self._is_permitted(ports, params) else Absent()

    def apply(self, ports: WritePorts, params: GuardParams, call: Call) -> JsonMap:
        ends = ports.clock.monotonic() + call.deadline_s
        while not self._is_permitted(ports, params):
            if ports.clock.monotonic() >= ends:
                raise DeadlineError(
                    f"cannot open the edge of '{params.host}': its guard does not permit it to answer",
                    hint=f"See why with `docker logs {GUARD}` on '{params.host}'.",
                    page="H1",
                )
            ports.clock.wait(_POLL)
        return {}

    @staticmethod
    def _is_permitted(ports: ReadPorts | WritePorts, params: GuardParams) -> bool:
        until = ports.edge(params.host).permitted_until()
        return until is not None and until > ports.host(params.host).state().time
