from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.model.values import Json
from drp.runbooks.expressions import ExpressionError, evaluate, look_up
from tests.runbooks.desk import CONTEXT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${to}", "dc5"),
        ("${tenant.port}", 80),
        ("${tenant.gold}", True),
        ("${tenant.none}", None),
        ("${tenant.domains}", ["a.test", "b.test"]),
        ("${tenant.domains.1}", "b.test"),
        ("${hosts.0.name}", "h1"),
        ("${ to }", "dc5"),
        ("Move ${tenant.name} to ${to}?", "Move acme to dc5?"),
        ("port ${tenant.port}, gold ${tenant.gold}", "port 80, gold true"),
        ("costs $5 and {braces}", "costs $5 and {braces}"),
        ("$${to} is written ${to}", "${to} is written dc5"),
        ("$${to}", "${to}"),
    ],
)
def test_look_ups_are_filled_in(text: str, value: Json) -> None:
    assert evaluate(text, CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${too}", "unknown name 'too'; did you mean 'to'?"),
        ("${from}", "unknown name 'from'; known: empty, hosts, tenant, to"),
        ("${tenant.nam}", "unknown name 'tenant.nam'; did you mean 'tenant.name'?"),
        ("${tenant.domains.2}", "cannot find 'tenant.domains.2': the list has 2 items, counted from 0"),
        (
            "${tenant.domains.first}",
            "cannot find 'tenant.domains.first': the list has 2 items, counted from 0",
        ),
        ("${to.name}", "cannot find 'to.name': 'to' is text"),
        ("${tenant.none.x}", "cannot find 'tenant.none.x': 'tenant.none' is nothing"),
        ("${to", "cannot read '${to': its brace is never closed"),
        ("x ${to", "cannot read '${to': its brace is never closed"),
        ("${}", "cannot read '': only look-ups such as tenant.name are possible"),
        ("${to + 1}", "cannot read 'to + 1': only look-ups such as tenant.name are possible"),
        ("${to()}", "cannot read 'to()': only look-ups such as tenant.name are possible"),
        ("to ${tenant.domains}", "cannot put 'tenant.domains' into a text: it is a list"),
        ("to ${tenant}", "cannot put 'tenant' into a text: it is a map"),
        ("to ${tenant.none}", "cannot put 'tenant.none' into a text: it is nothing"),
    ],
)
def test_what_cannot_be_looked_up_is_told(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, CONTEXT)

    assert str(caught.value) == message


@given(st.text())
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    try:
        evaluate(text, CONTEXT)
    except ExpressionError:
        return
    assert "${" not in text.replace("$${", "") or "${" in text


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_look_ups_stays_as_it_is(text: str) -> None:
    assert evaluate(text, {}) == text


def test_look_up_of_a_loop_needs_no_braces() -> None:
    assert look_up("tenant.domains", CONTEXT) == ["a.test", "b.test"]
