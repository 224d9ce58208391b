"""Could we fail over now: in a company where all is well, and in those where one thing is not."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from drp.cli.arguments import parse_arguments
from drp.commands.readiness.readiness import Question, judge_readiness
from drp.commands.readiness.results import REASONS, Readiness
from drp.dataplane import keys
from drp.errors import RefusedError, UsageError
from drp.model.inventory import Inventory
from drp.testing.company import FakeCompany
from drp.witness.proofs import Proof, ProofWriter
from tests.actions.runs import run_plan
from tests.actions.test_failover import compile_fleet
from tests.commands import test_check as planting
from tests.commands.bench import deployed, never_alive
from tests.commands.test_estimates import put_run

DAY = timedelta(days=1)


def prove(company: FakeCompany, *, ok: bool = True, reason: str = "", run: str = "drill-310304-7f3a") -> None:
    """A drill of acme ended just now."""
    proof = Proof(
        tenant="acme", run=run, site="dc5", host="h3", backup="b", backup_began="2031-03-04T02:00:00Z",
        at=company.clock.now().isoformat(), ok=ok, reason=reason, rto_s=151.0,
    )  # fmt: skip
    ProofWriter(company.stores["witness"]).put(proof)


@cache
def _ready() -> FakeCompany:
    made = deployed()
    for verb in ("backup", "reserve"):
        assert run_plan(made, compile_fleet(made, verb, "acme")).outcome == "done"
    prove(made)
    return made


@pytest.fixture
def company() -> FakeCompany:
    """acme is served by dc3, and could be served by dc5."""
    return copy.deepcopy(_ready())


def judge(company: FakeCompany, **options: str) -> Readiness:
    question = Question(tenants=tuple(company.inventory.tenants), **options)  # type: ignore[arg-type]
    return judge_readiness(company, question, is_alive=never_alive)


def change(company: FakeCompany, **values: object) -> None:
    """Of acme, in the configuration."""
    inventory = company.inventory
    acme = replace(inventory.tenants["acme"], **values)  # type: ignore[arg-type]
    company.inventory = replace(inventory, tenants={**inventory.tenants, "acme": acme})


def test_a_company_that_is_ready(company: FakeCompany) -> None:
    before = copy.deepcopy(company).dump()
    company.clock.advance(timedelta(seconds=19))
    found = judge(company)
    assert found.all_causes == ()
    assert (found.source, found.target, found.ending.code) == ("dc3", "dc5", 0)
    (acme,) = found.ready
    assert (acme.tenant, acme.host, acme.rto_s) == ("acme", "h3", 151.0)
    assert acme.loss_s == found.worst_loss_s
    assert 19 <= (acme.loss_s or 0) < 60
    assert found.left_out == {"globex": "served by nobody", "initech": "served by nobody"}
    assert [room.tenants for room in found.hosts] == [("acme",), ()]
    # canaries are gone
    assert company.dump() == before


def remove_image(company: FakeCompany) -> None:
    image = company.inventory.tenants["acme"].services["redis"].image
    del company.hosts["h3"].world.images[image]


def age_backup(company: FakeCompany) -> None:
    company.clock.advance(timedelta(hours=3))


def lose_backups(company: FakeCompany) -> None:
    company.stores["backups"].content.clear()


def place_backups_at_home(company: FakeCompany) -> None:
    inventory = company.inventory
    near = replace(inventory.stores["backups"], place="dc3")
    company.inventory = replace(inventory, stores={**inventory.stores, "backups": near})


def forget_proof(company: FakeCompany) -> None:
    content = company.stores["witness"].content
    for key in [key for key in content if key.startswith("proofs/")]:
        del content[key]


def age_proof(company: FakeCompany) -> None:
    company.clock.advance(31 * DAY)
    assert run_plan(company, compile_fleet(company, "backup", "acme")).outcome == "done"


def fail_drill(company: FakeCompany) -> None:
    company.clock.advance(timedelta(minutes=1))
    prove(company, ok=False, reason="000017.pack damaged", run="drill-310304-b9d2")


def change_key(company: FakeCompany) -> None:
    # the shelf of secrets is shared between copies
    name = "acme.backup-other"
    company.secrets[name] = keys.new_backup_keypair().private
    change(company, backup_private=replace(company.inventory.tenants["acme"].backup_private, name=name))


def lose_disk(company: FakeCompany) -> None:
    company.hosts["h3"].ground["free_bytes"] = 5 * 2**30


def lose_memory(company: FakeCompany) -> None:
    change(company, memory=64 * 2**30)


def remove_certificate(company: FakeCompany) -> None:
    del company.edges["h4"].certificates["acme.example.test"]


def end_certificate(company: FakeCompany) -> None:
    leaf = company.edges["h4"].certificates["acme.example.test"][0]
    company.clock.advance(leaf.not_valid_after_utc - company.clock.now() - 2 * DAY)
    assert run_plan(company, compile_fleet(company, "backup", "acme")).outcome == "done"
    prove(company, run="drill-320101-c2d8")


def silence_witness(company: FakeCompany) -> None:
    company.stores["witness"].down = True


def forget_contacts(company: FakeCompany) -> None:
    change(company, contacts=())


def forget_operators(company: FakeCompany) -> None:
    inventory = company.inventory
    company.inventory = replace(inventory, policies=replace(inventory.policies, operators=()))


def silence_engine(company: FakeCompany) -> None:
    company.hosts["h3"].reachable = False


Plant = Callable[[FakeCompany], None]
PLANTED: dict[str, tuple[Plant, str, str]] = {
    "an image is missing": (remove_image, "image", "cannot start 'acme' at 'dc5': h3 has no image of redis"),
    "the backup is old": (age_backup, "backup", "cannot restore 'acme' as of now: its newest backup is 3h0"),
    "there is no backup": (lose_backups, "backup", "cannot restore 'acme' as of now: there is none that can"),
    "backups die with the site": (place_backups_at_home, "backup", "cannot keep backups of 'acme' in store"),
    "a restore was never proven": (forget_proof, "proof", "cannot rely on backups of 'acme': no restore of"),
    "the proof is old": (age_proof, "proof", "cannot rely on backups of 'acme': a restore was proven 31d0h"),
    "the last drill failed": (
        fail_drill, "proof", "cannot rely on backups of 'acme': its last drill 'drill-310304-b9d2' failed: "
        "000017.pack damaged",
    ),
    "the key does not open": (change_key, "key", "cannot open key block 'acme/"),
    "the disk is full": (lose_disk, "disk", "cannot hold 'acme' on 'h3': restored it needs 10.7 GB, 5.4 GB"),
    "memory is short": (lose_memory, "memory", "cannot place 'acme': "),
    "a route lies over the subnets": (
        lambda company: company.hosts["h3"].ground.update(
            routes=[{"network": "10.103.0.0/17", "interface": "tun0"}]
        ),
        "subnets", "cannot use subnets '10.103.0.0/20' of 'h3': the route to tun0 is",
    ),
    "the subnets are used up": (planting.no_blocks, "subnets", "cannot place an instance on 'h3': its sub"),
    "a certificate is missing": (remove_certificate, "certificate", "cannot greet 'acme.example.test' at"),
    "a certificate is a stranger's": (planting.stranger, "certificate", "cannot greet 'acme.example.test': "),
    "certificates end": (end_certificate, "certificate", "cannot rely on the certificate of 'acme.example.t"),
    "the zone cannot be changed": (planting.dns_denied, "dns", "cannot change '_drp.example.test': "),
    "a name server is down": (planting.dns_down, "dns", "cannot ask name server '198.51.100.53': no answer"),
    "a clock is wrong": (planting.wrong_clock, "clock", "cannot trust the clock of 'h4': it is 3.0 s ahead"),
    "the witness is silent": (silence_witness, "witness", "cannot list object 'epochs/acme/': no answer"),
    "the witness overwrites": (planting.lenient_store, "witness", "cannot use store 'witness': it overwrit"),
    "no contact is named": (forget_contacts, "contacts", "cannot tell anybody of 'acme': it has no `conta"),
    "no operator is named": (forget_operators, "contacts", "cannot tell 'operators': the configuration nam"),
    "an engine is silent": (silence_engine, "engine", "cannot reach host 'h3': no route to host"),
    "keys are out of reach": (planting.store_down, "store", "cannot list object 'drp-canary/': no answer"),
}  # fmt: skip


@pytest.mark.failure_mode("B9")
@pytest.mark.failure_mode("C4")
@pytest.mark.failure_mode("C5")
@pytest.mark.failure_mode("C8")
@pytest.mark.failure_mode("C12")
@pytest.mark.failure_mode("D4")
@pytest.mark.failure_mode("D5")
@pytest.mark.failure_mode("K2")
@pytest.mark.failure_mode("L1")
@pytest.mark.parametrize("name", PLANTED)
def test_one_planted_cause_is_the_one_that_is_named(company: FakeCompany, name: str) -> None:
    plant, reason, words = PLANTED[name]
    plant(company)
    found = judge(company)
    causes = found.all_causes
    assert {cause.reason for cause in causes} == {reason}, causes
    assert causes[0].trouble.message.startswith(words), causes[0]
    assert causes[0].is_red
    assert (found.ready, found.ending.code) == ((), 11)
    # bar 19
    for cause in causes:
        commands = re.findall(r"`drp ([^`]+)`", cause.trouble.hint)
        assert commands, cause
        for command in commands:
            parse_arguments(command.split())


def test_every_reason_has_been_planted() -> None:
    assert {reason for _, reason, _ in PLANTED.values()} == {*REASONS}


def test_a_warning_is_told_and_stops_nobody(company: FakeCompany) -> None:
    planting.slow_clock(company)
    found = judge(company)
    assert [cause.reason for cause in found.all_causes] == ["clock"]
    assert (len(found.ready), found.ending.code) == (1, 0)


def test_minutes_come_from_the_failovers_there_were(company: FakeCompany) -> None:
    assert judge(company).duration is None
    for number, seconds in enumerate((600, 900, 720)):
        put_run(company.stores["witness"], number, seconds, tenant="all", verb="failover")
    found = judge(company).duration
    assert found is not None
    assert (found.seconds, found.runs) == (720, 3)
    assert found.off > 0


def _without_dc5(inventory: Inventory) -> Inventory:
    sites = {name: site for name, site in inventory.sites.items() if name != "dc5"}
    return replace(inventory, sites=sites)


def test_sites_that_are_not_there_or_not_clear(company: FakeCompany) -> None:
    with pytest.raises(UsageError, match="cannot judge 'dc9': there is no such site"):
        judge(company, target="dc9")
    with pytest.raises(RefusedError, match="it is not clear where to"):
        judge(company, source="dc3", target="dc3")
    with pytest.raises(RefusedError, match="cannot judge a failover from 'dc5': it serves none"):
        judge(company, source="dc5")
    with pytest.raises(RefusedError, match="none of these tenants is served"):
        judge_readiness(company, Question(tenants=("globex",)), is_alive=never_alive)
    company.inventory = _without_dc5(company.inventory)
    with pytest.raises(RefusedError, match="it is not clear where to"):
        judge(company)
