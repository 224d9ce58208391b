"""The composition root: from folders on disk to a workshop; nothing else is needed, so any process can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import drp
from drp.actions.catalogue import Performer, action_specs
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.commands.desk import Folders, Workshop
from drp.commands.live_ports import LivePorts
from drp.config.load import load_inventory
from drp.config.sealed import SealedContent
from drp.config.sealed_file import AskPassphrase, KeySource, load_sealed
from drp.config.secrets import SecretResolver
from drp.engine.tasks import Perform
from drp.errors import RefusedError
from drp.model.inventory import Inventory, Residency, SecretRef, Store
from drp.model.plan import Plan
from drp.model.values import JsonMap, Secret
from drp.ports.objects import ObjectReader
from drp.providers.objects.s3 import S3Objects
from drp.runbooks.compile import compile_runbook
from drp.witness.machine import is_alive

_CHECKOUT: Final = Path(drp.__file__).resolve().parents[1] / "runbooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things lie. ``operator`` as user@host; ``ask`` asks a person for the sealed file's passphrase."""

    config: Path
    runbooks: Path | None
    key_file: Path | None
    operator: str
    environment: Mapping[str, str]
    ask: AskPassphrase | None = None


def open_workshop(places: Places) -> Workshop:
    """Raises ConfigError with all problems. Providers are built, and secrets opened, at their first use."""
    inventory = load_inventory(places.config)
    runbooks = find_runbooks(places)
    ports = LivePorts(inventory, build_resolver(inventory, places).resolve)

    def compile_order(order: Order, facts: JsonMap) -> Plan:
        path = runbooks / f"{order.verb}.yml"
        return compile_runbook(
            path, facts, action_specs(), run=order.run, tenant=order.tenant, limits=order.limits
        )

    def performer(run: str, epoch: int) -> Perform:
        own = ports.for_run(run, epoch) if epoch else ports
        return Performer(reading=own, writing=own, run=run, actor=places.operator)

    return Workshop(
        inventory=inventory,
        ports=ports,
        gather=lambda order: gather_facts(ports, order),
        compile=compile_order,
        performer=performer,
        witness=ports.store(inventory.witness),
        is_alive=is_alive,
        folders=Folders(config=places.config, runbooks=runbooks),
    )


def open_store(url: str, bucket: str, region: str, credentials: Path) -> ObjectReader:
    """A store that no configuration names; ``credentials``: JSON {access, secret}. Raises RefusedError."""
    try:
        secret = Secret(credentials.read_bytes())
    except OSError as error:
        raise RefusedError(f"cannot read '{credentials}': {error.strerror}") from error
    ref = SecretRef(kind="file", name=str(credentials))
    nowhere = Residency(country="", provider="", account="")
    store = Store(name=url, url=url, region=region, bucket=bucket, place="", residency=nowhere, key=ref)
    return S3Objects(store, secret)


def build_key_source(inventory: Inventory, places: Places) -> KeySource:
    """Where the sealed file's key may come from."""
    unlock = inventory.secrets.unlock
    if unlock is None:
        return KeySource(key_file=places.key_file, ask=places.ask)
    resolver = SecretResolver(_refuse_sealed, places.environment, shown=inventory.secrets.file)
    return KeySource(key_file=places.key_file, unlock=lambda: resolver.resolve(unlock), ask=places.ask)


def build_resolver(inventory: Inventory, places: Places) -> SecretResolver:
    """Opens the sealed file once, at the first secret that is needed."""
    path = Path(inventory.secrets.file)
    source = build_key_source(inventory, places)
    return SecretResolver(lambda: load_sealed(path, source)[0], places.environment, shown=str(path))


def _refuse_sealed() -> SealedContent:
    raise RefusedError("cannot unlock the sealed file: its key is a secret inside it")


def find_runbooks(places: Places) -> Path:
    """The folder that was named, else ``runbooks`` beside the configuration, else those drp comes with.

    Raises RefusedError when there is none.
    """
    beside = places.config.resolve().parent / "runbooks"
    for folder in [places.runbooks] if places.runbooks else [beside, _CHECKOUT]:
        if folder.is_dir():
            return folder
    raise RefusedError(
        f"cannot read runbooks in '{places.runbooks or beside}': there is no such folder",
        hint="Name their folder with `--runbooks DIR`.",
    )
