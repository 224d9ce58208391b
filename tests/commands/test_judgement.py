"""Every ending, from outcome and evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drp.commands.endings import (
    AS_BEFORE,
    CANCELLED,
    DONE,
    ENDINGS,
    PARTIAL,
    REFUSED,
    STUCK,
    UNKNOWN,
    Ending,
    ending_of,
)
from drp.commands.judgement import Evidence, judge
from drp.commands.results import Served
from drp.engine.events import Ending as Outcome
from drp.engine.tasks import Failed
from drp.errors import BugError, ConfigError, LeaseHeldError, RefusedError, StuckError, UsageError

NOW = datetime(2031, 3, 4, tzinfo=UTC)
REFUSAL = Failed(error="RefusedError", message="cannot retire 'acme': old answers may live")
FAULT = Failed(error="VerificationError", message="cannot verify 'acme': differs")


def served(site: str, *, epoch: int = 1, writes: bool | None = True) -> Served:
    return Served(tenant="acme", site=site, writes=writes, probed=NOW, epoch=epoch)


DC3, DC5, DARK = served("dc3"), served("dc5", epoch=2), served("unknown", writes=None)


def evidence(
    outcome: Outcome,
    after: Served,
    *,
    touched: bool = True,
    failure: Failed | None = FAULT,
    back: bool = False,
) -> Evidence:
    return Evidence(
        outcome=outcome,
        touched=touched,
        failure=failure,
        before=DC3,
        after=after,
        expected="dc5",
        asked_back=back,
    )


@pytest.mark.parametrize(
    ("given", "ending"),
    [
        (evidence("done", DC5), DONE),
        (evidence("done", DC3), UNKNOWN),
        (evidence("done", served("dc5", writes=False)), UNKNOWN),
        (evidence("done", DARK), UNKNOWN),
        (evidence("rolled-back", DC3), AS_BEFORE),
        (evidence("rolled-back", served("dc3", epoch=3)), UNKNOWN),
        (evidence("rolled-back", DARK), UNKNOWN),
        (evidence("rolled-back", DC3, back=True), DONE),
        (evidence("rolled-back", DARK, back=True), UNKNOWN),
        (evidence("rolled-back", DC3, touched=False, failure=REFUSAL), REFUSED),
        (evidence("rolled-back", DC3, failure=REFUSAL), AS_BEFORE),
        (evidence("stopped", DC5), PARTIAL),
        (evidence("stopped", DARK), UNKNOWN),
        (evidence("stopped", DC3, touched=False), AS_BEFORE),
        (evidence("stopped", DC3, touched=False, failure=REFUSAL), REFUSED),
        (evidence("partial", DC5), PARTIAL),
        (evidence("partial", DARK), UNKNOWN),
        (evidence("cancelled", DC3), CANCELLED),
        (evidence("cancelled", DARK), UNKNOWN),
        (evidence("stuck", DC3), STUCK),
        (evidence("unknown", DC5), UNKNOWN),
    ],
)
def test_judge(given: Evidence, ending: Ending) -> None:
    assert judge(given) is ending


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError([]), 3),
        (RefusedError("x"), 4),
        (LeaseHeldError("x"), 5),
        (StuckError("x"), 7),
        (BugError("x"), 70),
        (ZeroDivisionError("x"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_ending_of_an_error(error: BaseException, code: int) -> None:
    assert ending_of(error).code == code


def test_codes_are_those_of_the_contract() -> None:
    assert [ending.code for ending in ENDINGS] == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 70, 130]
    assert len({ending.word for ending in ENDINGS}) == len(ENDINGS)
