from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.errors import DeniedError, LeaseHeldError, UnreachableError
from drp.testing.clock import ManualClock
from drp.testing.objects import FakeObjects
from drp.witness.keeper import LeaseKeeper
from drp.witness.leases import Holder, LeaseReader, Leases
from tests.witness.builders import build_holder
from tests.witness.interleaving import InterleavedObjects, MachineClock, SharedTime, ignore


def cannot_tell(holder: Holder) -> bool | None:
    return None


def is_dead(holder: Holder) -> bool | None:
    return False


class Machine:
    """A machine that holds the lease of acme, with its own view of the bucket."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.objects = FakeObjects(content)
        self.clock = ManualClock()
        self.leases = Leases(self.objects, self.clock, is_alive=cannot_tell)
        lease = self.leases.acquire("acme", build_holder("migrate-1"))
        self.keeper = LeaseKeeper(self.leases, lease, self.clock)

    def pass_seconds(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def content() -> dict[str, bytes]:
    return {}


@pytest.fixture
def machine(content: dict[str, bytes]) -> Machine:
    return Machine(content)


def take_over(content: dict[str, bytes], run: str = "migrate-2") -> int:
    """Another machine takes the lease at once."""
    leases = Leases(FakeObjects(content), ManualClock(), is_alive=is_dead)
    return leases.acquire("acme", build_holder(run)).number


def test_a_holder_that_renews_may_continue_for_ever(machine: Machine) -> None:
    for _ in range(50):
        machine.pass_seconds(5)
        assert machine.keeper.may_continue()
        machine.keeper.renew()

    state = LeaseReader(machine.objects).find("acme")
    assert state is not None
    assert (state.lease.number, state.beat) == (1, 50)


def test_only_the_last_beats_are_kept(machine: Machine) -> None:
    for _ in range(9):
        machine.keeper.renew()

    beats = machine.objects.list("leases/acme/000001/beats/")
    assert [key[-1] for key in beats] == ["7", "8", "9"]


def test_a_store_that_deletes_nothing_does_no_harm(machine: Machine) -> None:
    machine.objects.fail_next("delete", DeniedError("cannot delete"), times=9)
    for _ in range(9):
        machine.pass_seconds(5)
        machine.keeper.renew()

    assert machine.keeper.may_continue()


def test_two_thirds_of_the_term_without_renewal_stop_the_holder(machine: Machine) -> None:
    machine.objects.down = True
    machine.pass_seconds(10)
    machine.keeper.renew()
    assert machine.keeper.may_continue()

    machine.pass_seconds(0.1)
    assert not machine.keeper.may_continue()
    assert not machine.keeper.is_lost


def test_a_late_holder_takes_the_next_number_itself(machine: Machine) -> None:
    machine.pass_seconds(40)
    machine.keeper.renew()

    assert machine.keeper.may_continue()
    assert machine.keeper.lease.number == 2
    machine.keeper.renew()
    state = LeaseReader(machine.objects).find("acme")
    assert state is not None
    assert (state.lease.number, state.beat > 0) == (2, True)


def test_a_holder_that_slept_through_a_takeover_has_lost_for_good(
    machine: Machine, content: dict[str, bytes]
) -> None:
    machine.pass_seconds(30)
    assert take_over(content) == 2
    before = dict(content)

    assert not machine.keeper.may_continue()
    machine.keeper.renew()
    assert machine.keeper.is_lost
    for _ in range(3):
        machine.keeper.renew()
        assert not machine.keeper.may_continue()
    with pytest.raises(LeaseHeldError, match="run 'migrate-2'"):
        machine.keeper.confirm()
    machine.keeper.stop(release=True)
    assert content == before, "it changed nothing after it woke up"


def test_a_takeover_is_seen_by_the_next_renewal(machine: Machine, content: dict[str, bytes]) -> None:
    take_over(content)

    assert machine.keeper.may_continue(), "by its clock alone it cannot know"
    with pytest.raises(LeaseHeldError):
        machine.keeper.confirm()
    assert not machine.keeper.may_continue()


def test_confirm_tells_when_the_witness_is_silent(machine: Machine) -> None:
    machine.objects.down = True

    with pytest.raises(UnreachableError):
        machine.keeper.confirm()
    assert machine.keeper.may_continue(), "within the term a silent witness stops nobody"


def test_a_beat_whose_answer_got_lost_counts(machine: Machine) -> None:
    machine.pass_seconds(9)
    machine.objects.fail_next("put_once", UnreachableError("no answer"), after_effect=True)
    machine.keeper.renew()

    machine.pass_seconds(9)
    assert machine.keeper.may_continue()


def test_a_keeper_that_starts_too_late_does_not_trust_its_lease(machine: Machine) -> None:
    machine.pass_seconds(11)

    assert not machine.keeper.may_continue()


def test_release_lets_the_next_in_without_waiting(machine: Machine, content: dict[str, bytes]) -> None:
    machine.keeper.start()
    machine.keeper.stop(release=True)
    clock = ManualClock()
    other = Leases(FakeObjects(content), clock, is_alive=cannot_tell)

    assert other.acquire("acme", build_holder("migrate-2")).number == 2
    assert clock.waits == []


def test_stopping_without_release_leaves_the_lease_held(machine: Machine) -> None:
    machine.keeper.start()
    machine.keeper.stop(release=False)

    state = LeaseReader(machine.objects).find("acme")
    assert state is not None
    assert not state.is_ended


class SignallingObjects(FakeObjects):
    """Tells when the fifth beat has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.fifth_beat = threading.Event()

    def put_once(self, key: str, content: bytes) -> None:
        super().put_once(key, content)
        if key.endswith("beats/000005"):
            self.fifth_beat.set()


def test_the_thread_beats_by_itself() -> None:
    objects, clock = SignallingObjects(), ManualClock()
    leases = Leases(objects, clock, is_alive=cannot_tell)
    lease = leases.acquire("acme", replace(build_holder(), term_s=0.01))
    keeper = LeaseKeeper(leases, lease, clock)

    keeper.start()
    came = objects.fifth_beat.wait(timeout=30)
    keeper.stop(release=True)

    assert came


Choice = Callable[[], int]


class Duel:
    """A holder that renews, stalls and is cut off, and an observer that wants its lease, step by step.

    ``choose`` gives 0 to 9; the holder acts at each of the observer's waits and operations, and time may
    pass inside each of the holder's own operations.
    """

    def __init__(self, choose: Choice) -> None:
        self.choose = choose
        self.time = SharedTime()
        content: dict[str, bytes] = {}
        self.holder_objects = InterleavedObjects(content)
        holder_clock = MachineClock(self.time, zero=500)
        leases = Leases(self.holder_objects, holder_clock, is_alive=cannot_tell)
        self.keeper = LeaseKeeper(leases, leases.acquire("acme", build_holder("migrate-1")), holder_clock)
        self.holder_objects.before = self.stall
        self.observer_objects = InterleavedObjects(content)
        self.observer_clock = MachineClock(self.time, zero=-7, rate=1.1)

    def stall(self, method: str) -> None:
        self.time.seconds += (0, 0, 0, 0, 0, 0, 1, 3, 6, 12)[self.choose()]

    def holder_acts(self) -> None:
        what = self.choose()
        self.holder_objects.down = what in (0, 1, 2)
        if what < 8:
            self.keeper.renew()

    def fight(self) -> bool:
        """True when the observer has got the lease."""
        leases = Leases(self.observer_objects, self.observer_clock, is_alive=cannot_tell)
        self.observer_clock.on_wait = self.holder_acts
        self.observer_objects.before = lambda method: self.holder_acts()
        try:
            leases.acquire("acme", build_holder("migrate-2"))
        except LeaseHeldError:
            return False
        finally:
            self.observer_objects.before = ignore
        return True


@settings(max_examples=300)
@given(st.data())
def test_whatever_happens_there_are_never_two_holders(data: st.DataObject) -> None:
    duel = Duel(lambda: data.draw(st.integers(0, 9)))

    if duel.fight():
        assert not duel.keeper.may_continue()
        duel.holder_objects.down = False
        duel.keeper.renew()
        assert not duel.keeper.may_continue()


def wait_for(event: threading.Event) -> None:
    assert event.wait(timeout=30), "the other side never came"


def test_a_beat_that_lands_behind_the_observers_last_look_does_not_count() -> None:
    """The beat is begun in time, hangs on its way, and arrives between the observer's look and its take."""
    duel = Duel(lambda: 9)
    ninth_second, beat_on_its_way, about_to_take, beat_is_there = (threading.Event() for _ in range(4))
    taken: list[int] = []

    def at_wait() -> None:
        if duel.time.seconds >= 9:
            ninth_second.set()
            wait_for(beat_on_its_way)

    def at_observers_operation(method: str) -> None:
        if method == "put_once":
            about_to_take.set()
            wait_for(beat_is_there)

    def at_holders_operation(method: str) -> None:
        if method == "put_once":
            beat_on_its_way.set()
            wait_for(about_to_take)

    def observe() -> None:
        leases = Leases(duel.observer_objects, duel.observer_clock, is_alive=cannot_tell)
        with suppress(LeaseHeldError):
            taken.append(leases.acquire("acme", build_holder("migrate-2")).number)

    duel.observer_clock.on_wait = at_wait
    duel.observer_objects.before = at_observers_operation
    duel.holder_objects.before = at_holders_operation
    thread = threading.Thread(target=observe)
    thread.start()
    wait_for(ninth_second)
    duel.keeper.renew()
    may_continue = duel.keeper.may_continue()
    beat_is_there.set()
    thread.join()

    # Here the holder wins the next number itself; what must not be is both.
    assert len(taken) + may_continue <= 1
