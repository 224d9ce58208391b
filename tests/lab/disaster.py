"""What a test of a lost site looks at: writers' logs, databases of both sites, edges, the report."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

from drp.dataplane.manifest import MANIFEST
from drp.model.names import LINK_ROLES, Instance
from tests.lab.clients import Client, Verified, Write
from tests.lab.company import Company
from tests.lab.console import PATIENCE_S
from tests.lab.inside import run_inside, seed_tenant
from tests.lab.machine import LabError
from tests.lab.names import Site
from tests.lab.watching import Watched

WRITERS_PATIENCE_S = 4.0
"""How long a writer waits for an answer from a site that may be dead."""


_PAUSE_S = 0.03
"""For each tenant there is: writers together leave the machine to those who are watched."""
_AT_ONCE = 4
"""Commands of drp under way together: each is a process that takes a core."""


def deploy_all(company: Company, *, documents: int = 400) -> None:
    """Every tenant at its home, with some data."""
    deploy_empty(company)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        placed = find_instances(company).values()
        list(pool.map(lambda place: _seed(company, *place, documents=documents), placed))


def deploy_empty(company: Company) -> None:
    """Every tenant at its home; the first one alone, for it sets the edges up.

    A plan takes links that are free when it is made: the next one is made when they are taken.
    """
    first, *others = company.lab.names.tenants
    planning = threading.Lock()
    _deploy(company, first, planning)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda tenant: _deploy(company, tenant, planning), others))


def _deploy(company: Company, tenant: str, planning: threading.Lock) -> None:
    with planning:
        log = company.folder / f"deploy-{tenant}.jsonl"
        run = Watched.begin(company.ops1, "deploy", tenant, "--yes", log=log)
        run.await_(lambda: run.count("network/*", "done") == len(LINK_ROLES), "its links")
    if run.process.wait(timeout=PATIENCE_S) != 0:
        raise LabError(f"cannot deploy '{tenant}': {run.tail()}")


def _seed(company: Company, host: str, instance: Instance, *, documents: int) -> None:
    image, size = company.lab.images["api"].id, documents * 1500
    seed_tenant(
        company.lab.hosts[host], str(instance), image, documents=documents, files=size, keys=documents // 8
    )


@contextmanager
def writing(company: Company, suffix: str, *, at: str = "") -> Iterator[dict[str, Client]]:
    """A writer for each tenant meanwhile, by name; ids differ from those of other suffixes."""
    clients = {name: company.client(name, suffix=f"-{suffix}") for name in company.lab.names.tenants}
    pause = _PAUSE_S * len(clients)
    for client in clients.values():
        client.start_writing(
            at=at, prefix=f"{suffix}-", patience=60 if at else WRITERS_PATIENCE_S, pause=pause
        )
    try:
        yield clients
    finally:
        for client in clients.values():
            client.stop_writing()


def prepare(company: Company, target: Site) -> float:
    """Backups, and all the target needs; the moment at which the backups had ended."""
    company.ops1.drp("backup", "--all", "--yes")
    ended = time.time()
    company.ops1.drp("reserve", "--all", "--to", target.name, "--yes")
    return ended


def find_instances(company: Company) -> dict[str, tuple[str, Instance]]:
    """Tenant -> host and instance that serves now, by one look from the second operator's machine."""
    rows = company.ops2.drp("status")["tenants"]
    return {
        row["tenant"]: (str(row["host"]), Instance.of_epoch(row["tenant"], int(row["epoch"]))) for row in rows
    }


def find_running(company: Company, site: Site) -> list[str]:
    """Containers that run at a site."""
    found = []
    for host in company.lab.hosts_of(site.name):
        with closing(host.open_client()) as engine:
            found += [str(container.name) for container in engine.containers.list()]
    return found


def order_failover(source: Site, target: Site, tenants: int, *more: str) -> list[str]:
    """Words of the command."""
    return [
        *("failover", "--from", source.name, "--to", target.name, "--all", "--yes"),
        *("--mode", "disaster"),
        *("--accept-loss", "1h", "--expect-tenants", str(tenants), *more),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Seconds by this machine's clock: ``began`` as the report says, ``ended`` when the command had ended."""

    began: float
    ended: float


def find_restored(report: dict[str, Any], tenant: str, *, ended: float) -> Backup:
    """The backup that a failover has restored, from its report."""
    row = next(each for each in report["tenants"] if each["tenant"] == tenant)
    began = datetime.fromisoformat(report["began"]).timestamp()
    return Backup(began=began - float(row["rpo_s"]), ended=ended)


def find_restored_in_store(company: Company, report: dict[str, Any], tenant: str) -> Backup:
    """The same, by the id that the report gives and the moments that its manifest holds."""
    restored = next(each for each in report["tenants"] if each["tenant"] == tenant)["restored"]
    backups = company.lab.store.disk / "data" / "backups" / "drp1" / tenant / "base"
    body = json.loads((backups / restored["backup"] / MANIFEST).read_bytes())["body"]
    assert restored["as_of"] == body["began"]
    began, ended = (datetime.fromisoformat(body[key]).timestamp() for key in ("began", "ended"))
    return Backup(began=began, ended=ended)


def count_unexplained(client: Client, verified: Verified, backup: Backup, old: Instance) -> int:
    """Acknowledged writes that should be there and are not, or the other way round.

    Those that ``old`` acknowledged later than the backup must be lost, and no others. What was acknowledged
    while the backup was being taken may be in it or not.
    """
    lost = set(verified.lost)
    acknowledged = [write for write in client.records() if write.instance]
    kept = {w.id for w in acknowledged if not _is_of(w, old) or w.ended < backup.began}
    gone = {w.id for w in acknowledged if _is_of(w, old) and w.began > backup.ended}
    return len(kept & lost) + len(gone - lost)


def check_lost(client: Client, backup: Backup, old: Instance) -> str:
    """Lost are exactly the acknowledged writes later than the backup; what was counted, in words."""
    verified = client.verify()
    assert count_unexplained(client, verified, backup, old) == 0
    acknowledged, lost = [write for write in client.records() if write.instance], verified.lost
    before = [w for w in acknowledged if _is_of(w, old)]
    after = [w for w in acknowledged if not _is_of(w, old)]
    assert before
    assert after, "nobody writes at the new site"
    down = min(w.ended for w in after) - max(w.ended for w in before)
    return f"{len(acknowledged)} acknowledged, {len(lost)} lost, {down:.1f} s without one"


def _is_of(write: Write, instance: Instance) -> bool:
    return write.instance.startswith(str(instance))


def check_one_holder(logs: Sequence[Sequence[Write]]) -> None:
    """By all clients' logs: once an instance has acknowledged, none of an older epoch does."""
    found: dict[int, list[Write]] = {}
    for write in (write for log in logs for write in log if write.instance):
        epoch = Instance.parse(write.instance.rpartition("-")[0]).epoch
        found.setdefault(epoch or 0, []).append(write)
    for older, newer in pairwise(sorted(found)):
        last = max(write.ended for write in found[older])
        first = min(write.ended for write in found[newer])
        assert last < first, f"epoch {older} acknowledged {last - first:.1f} s after {newer} had begun"


def read_items(company: Company, host: str, instance: Instance) -> dict[str, str]:
    """Id -> value of all that stands in the instance's database."""
    image = company.lab.images["api"].id
    said = run_inside(company.lab.hosts[host], str(instance), image, "items_script.py")
    found: dict[str, str] = json.loads(said.strip().splitlines()[-1])
    return found


def check_acknowledged_are_there(
    items: dict[str, str], logs: Sequence[Sequence[Write]], instance: Instance
) -> int:
    """By the database: it holds every write that this instance acknowledged; how many others it holds."""
    own = {w.id: w.value for log in logs for w in log if w.instance and _is_of(w, instance)}
    assert {name: items.get(name) for name in own} == own
    return len(items.keys() - own.keys())


def point(company: Company, tenant: str, alias: str) -> None:
    """Change a tenant's name by hand."""
    lab = company.lab
    key = lab.dns.tsig
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    change = dns.update.UpdateMessage(lab.dns.zone, keyring=keyring, keyname=dns.name.from_text(key.name))
    change.replace(tenant, company.ttl, "CNAME", f"{alias}.")
    with lab.ops2.net():
        answer = dns.query.tcp(change, str(lab.dns.primary), timeout=10)
    assert answer.rcode() == dns.rcode.NOERROR
