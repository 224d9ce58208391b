from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.errors import LeaseHeldError, RejectedError, UnreachableError
from drp.ports.clock import Clock
from drp.testing.clock import ManualClock
from drp.testing.objects import FakeObjects
from drp.witness.leases import TERM, Holder, LeaseReader, Leases
from tests.witness.builders import build_holder
from tests.witness.interleaving import ActingClock, MachineClock, SharedTime, nothing


def cannot_tell(holder: Holder) -> bool | None:
    return None


def build_leases(store: FakeObjects, clock: Clock | None = None) -> Leases:
    """The same bucket as another machine sees it."""
    return Leases(FakeObjects(store.content), clock or ManualClock(), is_alive=cannot_tell)


@pytest.fixture
def store() -> FakeObjects:
    return FakeObjects()


def test_the_first_lease_has_number_one_and_is_there_at_once(store: FakeObjects) -> None:
    clock = ManualClock()

    lease = build_leases(store, clock).acquire("acme", build_holder())

    assert (lease.number, clock.waits) == (1, [])
    state = LeaseReader(store).find("acme")
    assert state is not None
    assert (state.lease, state.beat, state.is_ended) == (lease, 0, False)


def test_a_released_lease_is_taken_without_waiting(store: FakeObjects) -> None:
    first = build_leases(store)
    first.end(first.acquire("acme", build_holder("migrate-1")))
    clock = ManualClock()

    lease = build_leases(store, clock).acquire("acme", build_holder("migrate-2"))

    assert (lease.number, clock.waits) == (2, [])


def test_leases_of_different_names_do_not_meet(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1"))

    assert build_leases(store).acquire("acme-shop", build_holder("migrate-2")).number == 1
    assert LeaseReader(store).names() == ("acme", "acme-shop")


def test_a_beat_refuses_the_second_and_names_the_first(store: FakeObjects) -> None:
    holder = build_leases(store)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    clock = ActingClock(nothing, nothing, lambda: holder.beat(lease, 1))

    with pytest.raises(LeaseHeldError) as caught:
        build_leases(store, clock).acquire("acme", build_holder("migrate-2"))

    assert caught.value.message == (
        "cannot take lease 'acme': run 'migrate-1' (migrate) of operator-of-migrate-1@ops1 "
        "holds it since 2031-03-04T02:11:00+00:00, renewed less than 0.2 s ago"
    )
    assert caught.value.hint == (
        "Look at it with `drp status migrate-1`; "
        "if operator-of-migrate-1@ops1 died, `drp takeover migrate-1`."
    )
    assert len(clock.waits) == 3, "it does not go on watching after a sign of life"


def test_without_a_beat_the_whole_term_is_waited_for(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1"))
    clock = ManualClock()

    lease = build_leases(store, clock).acquire("acme", build_holder("migrate-2"))

    assert lease.number == 2
    assert timedelta() <= sum(clock.waits, timedelta()) - TERM < timedelta(seconds=0.01)


def test_the_term_is_that_of_the_holder(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", replace(build_holder("migrate-1"), term_s=60))
    clock = ManualClock()

    build_leases(store, clock).acquire("acme", build_holder("migrate-2"))

    assert timedelta() <= sum(clock.waits, timedelta()) - timedelta(seconds=60) < timedelta(seconds=0.01)


def test_a_release_is_a_sign_of_life(store: FakeObjects) -> None:
    holder = build_leases(store)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    clock = ActingClock(lambda: holder.end(lease))

    with pytest.raises(LeaseHeldError, match="gave it back just now"):
        build_leases(store, clock).acquire("acme", build_holder("migrate-2"))
    assert len(clock.waits) == 1
    assert build_leases(store).acquire("acme", build_holder("migrate-2")).number == 2


def test_who_is_known_to_be_at_work_is_not_watched_long(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1"))
    clock, known = ManualClock(), iter([False, False, True])

    with pytest.raises(LeaseHeldError, match="run 'migrate-1'"):
        build_leases(store, clock).acquire(
            "acme", build_holder("migrate-2"), is_at_work=lambda holder: next(known)
        )
    assert len(clock.waits) == 2


def test_holder_that_woke_up_after_it_was_seen_to_expire_keeps_its_lease(store: FakeObjects) -> None:
    holder = build_leases(store)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    observer = build_leases(store)
    expired = observer.find("acme")
    assert expired is not None
    observer.watch(expired)
    holder.beat(lease, 1)
    with pytest.raises(LeaseHeldError, match="renewed just now"):
        observer.follow(expired, build_holder("migrate-2"))


def test_last_sign_of_life_is_told_for_people(store: FakeObjects) -> None:
    clock = ManualClock()
    holder = build_leases(store, clock)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    found = holder.require("acme", lease.number)
    assert holder.last_sign(found) == lease.holder.started
    clock.advance(timedelta(minutes=2))
    holder.beat(lease, 1)
    assert holder.last_sign(holder.require("acme", lease.number)) == "2031-03-04T02:13:00+00:00"


def test_request_to_cancel_is_for_one_holder(store: FakeObjects) -> None:
    leases = build_leases(store)
    lease = leases.acquire("acme", build_holder("migrate-1"))
    assert leases.find_cancel(lease) is None
    for owner in ("eva@ops2", "max@ops3"):
        leases.ask_cancel(lease, owner)
    found = leases.find_cancel(lease)
    assert found is not None
    assert found.owner == "eva@ops2"
    assert leases.find_cancel(leases.succeed(lease)) is None


def test_a_quicker_contender_is_named(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1"))
    quicker = Leases(FakeObjects(store.content), ManualClock(), is_alive=lambda holder: False)
    clock = ActingClock(lambda: quicker.acquire("acme", build_holder("migrate-3")))

    with pytest.raises(LeaseHeldError, match="run 'migrate-3'"):
        build_leases(store, clock).acquire("acme", build_holder("migrate-2"))


def test_a_dead_process_on_this_machine_is_not_waited_for(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1", pid=17))
    clock = ManualClock()
    judged: list[int] = []

    def is_alive(holder: Holder) -> bool | None:
        judged.append(holder.pid)
        return False

    leases = Leases(FakeObjects(store.content), clock, is_alive=is_alive)
    assert leases.acquire("acme", build_holder("migrate-2")).number == 2
    assert (judged, clock.waits) == ([17], [])


@pytest.mark.failure_mode("B9")
def test_wall_clocks_and_zeros_of_clocks_do_not_matter(store: FakeObjects) -> None:
    time = SharedTime()
    early = MachineClock(time, zero=1e9, now=ManualClock().now() - timedelta(days=4000))
    late = MachineClock(time, zero=3.0, now=ManualClock().now() + timedelta(days=4000))
    holder = build_leases(store, early)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    late.on_wait = lambda: holder.beat(lease, int(time.seconds))

    with pytest.raises(LeaseHeldError):
        build_leases(store, late).acquire("acme", build_holder("migrate-2"))

    late.on_wait = nothing
    began = time.seconds
    assert build_leases(store, late).acquire("acme", build_holder("migrate-2")).number == 2
    assert time.seconds - began == pytest.approx(TERM.total_seconds(), abs=0.01)


def test_a_silent_witness_gives_no_lease(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-1"))
    mine = FakeObjects(store.content)

    def cut() -> None:
        mine.down = True

    clock = ActingClock(nothing, cut)
    with pytest.raises(UnreachableError):
        Leases(mine, clock, is_alive=cannot_tell).acquire("acme", build_holder("migrate-2"))
    assert not any("000002" in key for key in store.content)


def test_the_beats_of_a_number_that_is_past_are_cleaned(store: FakeObjects) -> None:
    holder = build_leases(store)
    lease = holder.acquire("acme", build_holder("migrate-1"))
    for beat in (1, 2, 3):
        holder.beat(lease, beat)
    build_leases(store).acquire("acme", build_holder("migrate-2"))

    assert sorted(store.content) == ["leases/acme/000001/lease.json", "leases/acme/000002/lease.json"]


def test_of_many_contenders_for_an_expired_lease_exactly_one_wins(store: FakeObjects) -> None:
    build_leases(store).acquire("acme", build_holder("migrate-0"))
    all_watch = threading.Barrier(12)
    won: list[str] = []
    refused: list[str] = []

    def contend(run: str) -> None:
        leases = build_leases(store, ActingClock(lambda: all_watch.wait()))
        try:
            won.append(leases.acquire("acme", build_holder(run)).holder.run)
        except LeaseHeldError as error:
            refused.append(error.message)

    threads = [threading.Thread(target=contend, args=(f"migrate-{index}",)) for index in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert len([message for message in refused if f"run '{won[0]}'" in message]) == 11


def test_a_foreign_object_in_place_of_a_lease_is_named(store: FakeObjects) -> None:
    store.put_once("leases/acme/000001/lease.json", b"[]")

    with pytest.raises(RejectedError, match=r"cannot read 'leases/acme/000001/lease.json'"):
        build_leases(store).acquire("acme", build_holder())
