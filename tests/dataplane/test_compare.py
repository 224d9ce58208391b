"""Two read-backs held against each other: every kind of difference is named, equal ones are silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.model.content import CollectionContent, KeysContent, Readback, compare

ORDERS = CollectionContent(
    database="app",
    name="orders",
    type="collection",
    documents=20000,
    bytes=900,
    digest="aa" * 16,
    order="",
    indexes={"_id_": "01", "when_1": "02"},
    options={"type": "03", "validator": "04"},
)
NOW = 1_930_000_000_000
SOURCE = Readback(
    began_ms=NOW,
    ended_ms=NOW + 1000,
    collections=(ORDERS,),
    users={"admin.alice": "05", "app.bob.smith": "06"},
    roles={"admin.ops": "07"},
    redis=(
        KeysContent(database=0, keys=5, digest=f"{500:032x}", expiring=((NOW // 10_000, 2, f"{200:032x}"),)),
    ),
)


def with_orders(**changes: object) -> Readback:
    return replace(SOURCE, collections=(replace(ORDERS, **changes),))  # type: ignore[arg-type]


def tell(target: Readback, source: Readback = SOURCE) -> list[str]:
    return [str(difference) for difference in compare(source, target)]


def test_equal_content_has_no_difference() -> None:
    assert tell(replace(SOURCE, began_ms=NOW + 5000, ended_ms=NOW + 9000)) == []


def test_readback_survives_json() -> None:
    assert Readback.from_json(SOURCE.to_json()) == SOURCE


def test_totals_count_everything_compared() -> None:
    assert SOURCE.totals() == {
        "collections": 1, "documents": 20000, "bytes": 900, "indexes": 2, "users": 2, "redis_keys": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            with_orders(documents=19999, bytes=850, digest="bb" * 16),
            "documents 'app.orders': 20000 documents (900 bytes, digest aaaaaaaa) at the source, "
            "19999 documents (850 bytes, digest bbbbbbbb) at the target",
        ),
        (
            with_orders(digest="bb" * 16),
            "documents 'app.orders': 20000 documents (900 bytes, digest aaaaaaaa) at the source, "
            "20000 documents (900 bytes, digest bbbbbbbb) at the target",
        ),
        (with_orders(order="11" * 16), "order 'app.orders':  at the source, 11111111 at the target"),
        (
            with_orders(indexes={"_id_": "01"}),
            "index 'app.orders.when_1': there (02) at the source, missing at the target",
        ),
        (
            with_orders(options={"type": "03", "validator": "99"}),
            "option 'app.orders.validator': there (04) at the source, there (99) at the target",
        ),
        (
            replace(SOURCE, collections=()),
            "collection 'app.orders': 20000 documents at the source, missing at the target",
        ),
        (
            replace(SOURCE, users={"admin.alice": "05"}),
            "user 'app.bob.smith': there (06) at the source, missing at the target",
        ),
        (
            replace(SOURCE, roles={"admin.ops": "08"}),
            "role 'admin.ops': there (07) at the source, there (08) at the target",
        ),
    ],
)
def test_each_difference_is_named(target: Readback, words: str) -> None:
    assert tell(target) == [words]


def keys(count: int, digest: int, *expiring: tuple[int, int, str]) -> Readback:
    content = KeysContent(database=0, keys=count, digest=f"{digest:032x}", expiring=expiring)
    return replace(SOURCE, redis=(content,))


def test_key_that_expired_between_the_reads_is_no_difference() -> None:
    assert tell(keys(3, 300)) == []


def test_lost_key_without_expiry_is_a_difference() -> None:
    assert tell(keys(2, 200))[0].startswith("keys '0': 3 keys (digest 0000")


def test_changed_key_is_a_difference() -> None:
    assert len(tell(keys(5, 501, (NOW // 10_000, 2, f"{200:032x}")))) == 1


def test_lost_key_that_expires_much_later_is_a_difference() -> None:
    late = (NOW + 3_600_000) // 10_000
    source = keys(4, 400, (late, 1, f"{100:032x}"))
    assert len(tell(keys(3, 300), source)) == 1


def test_empty_database_equals_a_missing_one() -> None:
    assert (
        tell(replace(SOURCE, redis=()), replace(SOURCE, redis=(KeysContent(database=3, keys=0, digest="0"),)))
        == []
    )


def test_reads_that_lie_too_far_apart_are_not_called_equal() -> None:
    late = replace(SOURCE, began_ms=NOW + 7_500_000, ended_ms=NOW + 7_501_000)
    assert "too far apart" in tell(late)[0]
