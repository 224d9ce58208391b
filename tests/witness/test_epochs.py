from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from drp.errors import BugError, ConflictError, NotFoundError, RejectedError, UnreachableError
from drp.testing.objects import FakeObjects
from drp.witness.epochs import EpochReader, Epochs
from tests.witness.builders import build_claim, build_serving


@pytest.fixture
def store() -> FakeObjects:
    return FakeObjects()


@pytest.fixture
def epochs(store: FakeObjects) -> Epochs:
    return Epochs(store)


def test_a_tenant_that_nobody_claimed_has_no_epoch(epochs: Epochs) -> None:
    assert epochs.find_serving("acme") is None
    assert epochs.find_claim("acme", 1) is None
    assert epochs.next_epoch("acme") == 1
    assert epochs.tenants() == ()


def test_a_claim_alone_does_not_serve(epochs: Epochs) -> None:
    assert epochs.claim(build_claim(1)) == build_claim(1)

    assert epochs.find_serving("acme") is None
    assert epochs.next_epoch("acme") == 2


def test_the_highest_epoch_that_said_so_serves(epochs: Epochs) -> None:
    for number, run in ((1, "deploy-1"), (2, "migrate-1"), (3, "migrate-2")):
        epochs.claim(build_claim(number, run=run))
    for number, run in ((1, "deploy-1"), (2, "migrate-1")):
        epochs.serve(build_serving(number, run=run))

    assert epochs.find_serving("acme") == build_serving(2, run="migrate-1")
    assert epochs.next_epoch("acme") == 4, "a claimed number is burnt"


def test_numbers_are_compared_as_numbers(epochs: Epochs) -> None:
    for number in (9, 10, 1_000_000):
        epochs.claim(build_claim(number))
        epochs.serve(build_serving(number))

    assert epochs.next_epoch("acme") == 1_000_001
    serving = epochs.find_serving("acme")
    assert serving is not None
    assert serving.epoch == 1_000_000


def test_tenants_are_apart_even_when_one_name_begins_like_the_other(epochs: Epochs) -> None:
    epochs.claim(build_claim(5, tenant="acme-shop"))

    assert epochs.next_epoch("acme") == 1
    assert epochs.tenants() == ("acme-shop",)


def test_a_number_taken_by_another_run_names_the_winner(epochs: Epochs) -> None:
    epochs.claim(build_claim(1, run="migrate-1"))

    with pytest.raises(ConflictError) as caught:
        epochs.claim(build_claim(1, run="migrate-2"))

    assert caught.value.message == (
        "cannot claim epoch 1 of 'acme': run 'migrate-1' of operator-of-migrate-1@ops1 claimed it "
        "at 2031-03-04T02:11:00+00:00 for dc5"
    )


def test_the_same_run_may_claim_again_and_gets_what_it_first_wrote(epochs: Epochs) -> None:
    epochs.claim(build_claim(1))
    again = replace(build_claim(1), time="2031-03-04T02:19:00+00:00")

    assert epochs.claim(again) == build_claim(1)


def test_a_claim_whose_answer_got_lost_is_found_to_be_ours(epochs: Epochs, store: FakeObjects) -> None:
    store.fail_next("put_once", UnreachableError("cannot reach store"), after_effect=True)

    assert epochs.claim(build_claim(1)) == build_claim(1)


def test_a_claim_that_never_arrived_is_an_error(epochs: Epochs, store: FakeObjects) -> None:
    store.fail_next("put_once", UnreachableError("cannot reach store"))

    with pytest.raises(UnreachableError):
        epochs.claim(build_claim(1))
    assert epochs.next_epoch("acme") == 1


def test_only_who_claimed_may_serve(epochs: Epochs) -> None:
    with pytest.raises(NotFoundError, match="nobody claimed it"):
        epochs.serve(build_serving(1))

    epochs.claim(build_claim(1, run="migrate-1"))
    with pytest.raises(ConflictError, match="run 'migrate-1' of"):
        epochs.serve(build_serving(1, run="migrate-2"))
    assert epochs.find_serving("acme") is None


@pytest.mark.failure_mode("H1")
def test_an_old_epoch_that_wakes_up_cannot_open(epochs: Epochs) -> None:
    for number, run in ((1, "migrate-1"), (2, "migrate-2")):
        epochs.claim(build_claim(number, run=run))
    epochs.serve(build_serving(2, run="migrate-2"))

    with pytest.raises(ConflictError, match="cannot open epoch 1 of 'acme' at dc5: epoch 2 serves at dc5"):
        epochs.serve(build_serving(1, run="migrate-1"))
    serving = epochs.find_serving("acme")
    assert serving is not None
    assert serving.epoch == 2


def test_serving_again_keeps_the_first_moment(epochs: Epochs) -> None:
    epochs.claim(build_claim(1))
    epochs.serve(build_serving(1))

    again = replace(build_serving(1), since="2031-03-04T09:00:00+00:00")
    assert epochs.serve(again) == build_serving(1)


def test_of_many_contenders_for_one_number_exactly_one_wins(store: FakeObjects) -> None:
    start = threading.Barrier(12)
    outcomes: list[str] = []

    def contend(run: str) -> None:
        epochs = Epochs(FakeObjects(store.content))
        start.wait()
        try:
            outcomes.append(f"won by {epochs.claim(build_claim(1, run=run)).run}")
        except ConflictError as error:
            outcomes.append(error.message.split("'")[3])

    threads = [threading.Thread(target=contend, args=(f"migrate-{index}",)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winner = EpochReader(store).find_claim("acme", 1)
    assert winner is not None
    assert sorted(outcomes) == [winner.run] * 11 + [f"won by {winner.run}"]


def test_an_object_that_is_not_ours_is_named(epochs: Epochs, store: FakeObjects) -> None:
    store.put_once("epochs/acme/000001/serving.json", b"<html>")

    with pytest.raises(RejectedError, match=r"cannot read 'epochs/acme/000001/serving.json' in the witness"):
        epochs.find_serving("acme")


def test_fields_of_a_newer_program_are_left_out(epochs: Epochs, store: FakeObjects) -> None:
    epochs.claim(build_claim(1))
    key = "epochs/acme/000001/claim.json"
    store.content[key] = store.content[key].replace(b"{", b'{"colour":"blue",', 1)

    assert epochs.find_claim("acme", 1) == build_claim(1)


def test_a_name_that_would_leave_its_folder_is_a_bug(epochs: Epochs) -> None:
    with pytest.raises(BugError):
        epochs.next_epoch("acme/../globex")
