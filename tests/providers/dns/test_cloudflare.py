"""CloudflareDns against its limits, its plans, lost replies, and people who use the zone too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.commands.check.areas import check
from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from drp.model.values import Secret
from drp.ports.dns import Change, RecordSet
from drp.providers.dns.call_budget import CallBudget
from drp.providers.dns.cloudflare import CloudflareDns
from drp.testing.clock import ManualClock
from drp.testing.cloudflare.server import EDITOR, FakeCloudflare
from drp.testing.cloudflare.zone import RefusalError
from drp.testing.company import FakeCompany
from drp.testing.contract_dns import address, alias
from tests.providers.dns.bind import ZONE, make_zone
from tests.providers.dns.cloudflare import (
    check_described,
    cloudflare,
    open_zone,
    require_description,
)

NAME = f"acme.{ZONE}"
OLD, NEW = alias(NAME, f"dc3.{ZONE}"), alias(NAME, f"dc5.{ZONE}")


@pytest.fixture
def service() -> Iterator[FakeCloudflare]:
    with cloudflare() as running:
        yield running
    assert check_described(running.api.exchanges) == []


def paths(service: FakeCloudflare) -> list[str]:
    """Calls so far, the last part of each path."""
    return [f"{each.method} {each.route.rpartition('/')[2]}" for each in service.api.exchanges]


def put(service: FakeCloudflare, records: RecordSet, **fields: object) -> str:
    """A record as a person makes it. Its id."""
    body = {"name": records.name, "type": records.type, "content": records.values[0], "ttl": records.ttl}
    return str(service.zone.create({**body, **fields})["id"])


def ask_often(zone: CloudflareDns, times: int) -> None:
    for _ in range(times):
        zone.find(NAME, "A")


def test_a_record_is_changed_in_place(service: FakeCloudflare) -> None:
    """One that is deleted and added again is missing for a moment, and its comment for good."""
    record = put(service, OLD, comment="a person's own words")
    open_zone(service).replace(OLD, NEW)
    assert service.zone.find(record)["content"] == NEW.values[0]
    assert service.zone.find(record)["comment"] == "a person's own words"
    assert paths(service) == ["GET zones", "GET dns_records", "POST batch", "GET dns_records"]


def test_only_what_differs_of_many_values_is_touched(service: FakeCloudflare) -> None:
    zone = open_zone(service)
    zone.replace(None, address(NAME, "192.0.2.1", "192.0.2.2", "192.0.2.3"))
    ids = {record["content"]: name for name, record in service.zone.records.items()}
    zone.replace(
        address(NAME, "192.0.2.1", "192.0.2.2", "192.0.2.3"), address(NAME, "192.0.2.2", "192.0.2.9")
    )
    assert service.zone.find(ids["192.0.2.2"])["content"] == "192.0.2.2"
    assert service.zone.find(ids["192.0.2.1"])["content"] == "192.0.2.9"
    assert len(service.zone.records) == 2


def test_hundreds_of_names_take_a_handful_of_calls(service: FakeCloudflare) -> None:
    zone = open_zone(service)
    names = [f"t{number}.{ZONE}" for number in range(150)]
    for name in names:
        put(service, alias(name, f"dc3.{ZONE}"))
    changes: list[Change] = [(alias(n, f"dc3.{ZONE}"), alias(n, f"dc5.{ZONE}")) for n in names]
    assert zone.replace_all(changes) == [None] * 150
    assert {record["content"] for record in service.zone.records.values()} == {f"dc5.{ZONE}"}
    assert paths(service) == ["GET zones", "GET dns_records", "POST batch", "GET dns_records"]


def test_a_free_plan_takes_two_hundred_at_once() -> None:
    with cloudflare(plan="free") as service:
        changes: list[Change] = [(None, address(f"t{n}.{ZONE}", "192.0.2.1")) for n in range(250)]
        assert open_zone(service).replace_all(changes) == [None] * 250
        assert paths(service).count("POST batch") == 2


def test_all_pages_are_read(service: FakeCloudflare) -> None:
    service.api.page_limit = 3
    names = [f"t{number}.{ZONE}" for number in range(10)]
    for name in names:
        put(service, address(name, "192.0.2.1"))
    assert None not in open_zone(service).find_all([(name, "A") for name in names])
    assert paths(service).count("GET dns_records") == 4


def test_who_asks_while_others_do_shares_their_reading(service: FakeCloudflare) -> None:
    zone = open_zone(service)
    names = [f"t{number}.{ZONE}" for number in range(64)]
    for name in names:
        put(service, address(name, "192.0.2.1"))
    with ThreadPoolExecutor(16) as pool:
        found = [*pool.map(lambda name: zone.find(name, "A"), names)]
    assert found == [address(name, "192.0.2.1") for name in names]
    assert paths(service).count("GET dns_records") < len(names)


def test_what_somebody_did_between_reading_and_change_is_found_by_its_id(service: FakeCloudflare) -> None:
    zone = open_zone(service)
    records = [alias(f"t{number}.{ZONE}", f"dc3.{ZONE}") for number in range(4)]
    ids = [put(service, each) for each in records]
    service.api.interfere = lambda: service.zone.delete(ids[2])
    results = zone.replace_all([(each, replace(each, values=(f"dc5.{ZONE}",))) for each in records])
    assert [type(each) for each in results] == [type(None), type(None), ConflictError, type(None)]
    assert "Record does not exist. (81044)" in str(results[2])


def test_a_lost_reply_is_not_sent_again(service: FakeCloudflare) -> None:
    put(service, OLD)
    zone = open_zone(service)
    service.loses_replies = 1
    with pytest.raises(UnreachableError, match=f"cannot change '{NAME}': Cloudflare's API does not answer"):
        zone.replace(OLD, NEW)
    assert paths(service).count("POST batch") == 1
    assert zone.find(NAME, "CNAME") == NEW


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (RefusalError(500, 1000, "oops"), UnreachableError),
        (RefusalError(403, 9109, "Cannot use the access token from location: 192.0.2.1"), DeniedError),
        (RefusalError(400, 1004, "DNS Validation Error"), RejectedError),
    ],
)
def test_each_answer_has_its_error(
    service: FakeCloudflare, refusal: RefusalError, error: type[Exception]
) -> None:
    zone = open_zone(service)
    assert zone.find(NAME, "A") is None
    service.api.refusals.append(refusal)
    with pytest.raises(error) as caught:
        zone.find(NAME, "A")
    assert type(caught.value) is error
    assert f"{refusal} ({refusal.code})" in str(caught.value)
    service.api.exchanges.clear()  # the description knows of no 500


def test_a_zone_that_the_token_does_not_see(service: FakeCloudflare) -> None:
    zone = open_zone(service, zone=replace(make_zone(*service.servers), zone="absent.test"))
    with pytest.raises(NotFoundError, match=r"the token sees no zone 'absent\.test'"):
        zone.find("a.absent.test", "A")


def test_a_proxied_record_is_not_changed(service: FakeCloudflare) -> None:
    """DNS does not tell where it leads, so nobody could prove that it was switched."""
    put(service, OLD, proxied=True)
    zone = open_zone(service)
    with pytest.raises(RejectedError, match="Cloudflare proxies it"):
        zone.replace(OLD, NEW)
    assert zone.find(NAME, "CNAME") == replace(OLD, ttl=300)


@pytest.mark.parametrize(("plan", "least"), [("free", 60), ("business", 60), ("enterprise", 30)])
def test_the_shortest_ttl_depends_on_the_plan(plan: str, least: int) -> None:
    with cloudflare(plan=plan) as service:
        zone = open_zone(service)
        with pytest.raises(RejectedError, match=f"allows no TTL below {least} s, asked for {least - 1} s"):
            zone.replace(None, replace(OLD, ttl=least - 1))
        zone.replace(None, replace(OLD, ttl=least))
        assert zone.find(NAME, "CNAME") == replace(OLD, ttl=least)


def test_an_automatic_ttl_is_what_clients_are_told(service: FakeCloudflare) -> None:
    put(service, replace(OLD, ttl=1))
    assert open_zone(service).find(NAME, "CNAME") == replace(OLD, ttl=300)


def test_a_text_without_quotes_is_read_as_one_with_them(service: FakeCloudflare) -> None:
    put(service, RecordSet(name=NAME, type="TXT", ttl=60, values=("two words",)))
    found = open_zone(service).find(NAME, "TXT")
    assert found == RecordSet(name=NAME, type="TXT", ttl=60, values=('"two words"',))


@pytest.mark.parametrize("flattens", [True, False])
def test_a_name_that_leads_within_the_zone_is_seen_at_the_servers(
    service: FakeCloudflare, flattens: bool
) -> None:
    service.flattens = flattens
    zone = open_zone(service)
    for site, value in (("dc3", "192.0.2.3"), ("dc5", "192.0.2.5")):
        put(service, address(f"{site}.{ZONE}", value))
    for wanted in (OLD, NEW):
        zone.replace(zone.find(NAME, "CNAME"), wanted)
        assert [zone.ask(server, NAME, "CNAME") for server in zone.servers()] == [wanted] * 2
    assert zone.ask(zone.servers()[0], f"none.{ZONE}", "CNAME") is None
    assert zone.ask(zone.servers()[0], f"dc3.{ZONE}", "CNAME") is None


def test_no_call_is_made_until_the_lock_ends() -> None:
    clock = ManualClock()
    with cloudflare(calls=10, clock=clock) as service:
        budget = CallBudget(clock, calls=10, timezone="Europe/Paris")
        zone = open_zone(service, clock=clock, budget=budget)
        zone.replace(None, OLD)
        service.api.limits.spend(10)
        before = service.api.limits.refused
        with pytest.raises(RateLimitedError) as caught:
            zone.replace(OLD, NEW)
        assert caught.value.transient
        assert caught.value.retry_after == 300
        assert str(caught.value).endswith("Cloudflare takes no call until 03:16:00 CET")
        clock.advance(timedelta(seconds=299))
        with pytest.raises(RateLimitedError, match=r"takes no call until 03:16:00 CET"):
            zone.replace(OLD, NEW)
        assert service.api.limits.refused <= before + 1
        clock.advance(timedelta(seconds=1))
        zone.replace(OLD, NEW)
        assert zone.find(NAME, "CNAME") == NEW


def test_the_limit_is_never_met_by_us_alone() -> None:
    """In no window are more calls made than allowed; changes may use what looks must leave."""
    clock = ManualClock()
    with cloudflare(calls=20, clock=clock) as service:
        budget = CallBudget(clock, calls=20, timezone="Europe/Paris")
        zone = open_zone(service, clock=clock, budget=budget)
        with pytest.raises(RateLimitedError, match=r"20 calls are made, there is none until 03:16:00 CET"):
            ask_often(zone, 20)
        assert len(service.api.exchanges) == 18
        budget.take("cannot change 'it'", change=True)
        clock.advance(timedelta(seconds=300))
        assert zone.find(NAME, "A") is None
        assert service.api.limits.refused == 0


def test_what_others_use_of_the_account_is_left_to_them() -> None:
    clock = ManualClock()
    with cloudflare(calls=20, clock=clock) as service:
        service.api.limits.spend(15)
        zone = open_zone(service, clock=clock, budget=CallBudget(clock, calls=20))
        with pytest.raises(RateLimitedError):
            ask_often(zone, 20)
        assert service.api.limits.refused == 0


@pytest.mark.parametrize("key", [EDITOR, f"{EDITOR}\n", f'{{"token": "{EDITOR}"}}'])
def test_a_key_is_a_token_or_json(service: FakeCloudflare, key: str) -> None:
    assert open_zone(service, token=key).find(NAME, "A") is None


@pytest.mark.parametrize("key", [b"", b"two words", b'{"key": "x"}', b'{"token": 1}', b"{", b"\xff"])
def test_a_bad_key_is_refused_without_showing_it(key: bytes) -> None:
    with pytest.raises(DeniedError, match="cannot use zone 'main': its key is neither") as caught:
        CloudflareDns(make_zone("192.0.2.53"), Secret(key))
    assert caught.value.__context__ is None or caught.value.__suppress_context__


class CompanyAtCloudflare(FakeCompany):
    """Its zone is at the service."""

    def __init__(self, service: FakeCloudflare, *, move_ttl: int) -> None:
        super().__init__()
        at = replace(self.inventory.dns, kind="cloudflare", servers=service.servers, move_ttl=move_ttl)
        self.inventory = replace(self.inventory, dns=at)
        self.opened = open_zone(service, zone=at, clock=self.clock)

    def dns(self) -> CloudflareDns:  # type: ignore[override]
        return self.opened


TOO_SHORT = f"cannot change '_drp.{ZONE}': the plan of zone '{ZONE}' allows no TTL below 60 s, asked for 30 s"


@pytest.mark.parametrize(("move_ttl", "findings"), [(60, []), (30, [TOO_SHORT])])
def test_a_check_tries_a_record_of_its_own(
    service: FakeCloudflare, move_ttl: int, findings: list[str]
) -> None:
    listing = check(CompanyAtCloudflare(service, move_ttl=move_ttl), ["dns"], is_alive=lambda *_: False)
    looks = [each for each in listing.data["findings"] if isinstance(each, dict)]  # type: ignore[union-attr]
    assert [each["message"] for each in looks if not each["well"]] == findings
    assert len(looks) == 6
    assert service.zone.records == {}


@pytest.mark.recordings
def test_the_description_is_looked_at(service: FakeCloudflare) -> None:
    """The check of all exchanges would see one that it does not allow."""
    require_description()
    open_zone(service).replace(None, OLD)
    batch = next(each for each in service.api.exchanges if each.route.endswith("/batch"))
    post = batch.body["posts"][0]
    bad = [
        replace(batch, body={"posts": [{**post, "type": "SPF"}]}),
        replace(batch, body={"posts": [{**post, "ttl": 10}]}),
        replace(batch, body={"patches": [post]}),
        replace(batch, reply={**batch.reply, "success": "yes"}),
        replace(batch, route="/zones/{zone_id}/records"),
        replace(batch, query={"odd": "1"}),
    ]
    assert [len(check_described([each])) > 0 for each in bad] == [True] * len(bad)
