"""Images, carried from engine to engine: nothing is pulled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.engine.tasks import Absent, Present
from drp.errors import NotFoundError, UnreachableError, VerificationError
from drp.model.values import JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageParams:
    """``image`` an image ID; ``sources`` hosts that may hold it, in the order to ask."""

    host: str
    image: str
    sources: tuple[str, ...]


class CarryImage(Action[ImageParams]):
    """Have an image on a host. It stays there when the run is rolled back: it harms nobody."""

    name: ClassVar[str] = "image.carry"
    params = ImageParams

    def observe(self, ports: ReadPorts, params: ImageParams, call: Call) -> Observation:
        return Present() if ports.host(params.host).has_image(params.image) else Absent()

    def apply(self, ports: WritePorts, params: ImageParams, call: Call) -> JsonMap:
        source = self._find_source(ports, params)
        ports.host(params.host).load_image(ports.host(source).save_image(params.image))
        return {"from": source}

    def verify(self, ports: ReadPorts, params: ImageParams, call: Call, outputs: JsonMap) -> None:
        if not ports.host(params.host).has_image(params.image):
            raise VerificationError(
                f"cannot carry image '{params.image}': '{params.host}' does not have it under that ID",
                page="C14",
            )

    @staticmethod
    def _find_source(ports: WritePorts, params: ImageParams) -> str:
        for source in params.sources:
            try:
                if source != params.host and ports.host(source).has_image(params.image):
                    return source
            except UnreachableError:
                continue
        raise NotFoundError(
            f"cannot carry image '{params.image}': no host that answers has it",
            hint=f"Load it on one of {', '.join(params.sources)}, then run the command again.",
            page="C12",
        )
