"""Strict reading: what a reader of a file sees in one place is all there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.yaml import load_yaml, parse_yaml, plain
from drp.errors import ConfigError, Place


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yml")
    return [f"{p.place.line}:{p.place.column} {p.message}" for p in caught.value.problems]


def test_scalars_stay_text() -> None:
    text = "time: 10:30\nanswer: no\nversion: 3.10\ncount: 007\nnothing: null\nempty:\n"

    assert plain(parse_yaml(text, "f.yml")) == {
        "time": "10:30",
        "answer": "no",
        "version": "3.10",
        "count": "007",
        "nothing": "null",
        "empty": "",
    }


def test_quoted_and_block_text_is_unfolded() -> None:
    assert plain(parse_yaml("a: 'x ''y'''\nb: |\n  one\n  two\n", "f.yml")) == {
        "a": "x 'y'",
        "b": "one\ntwo\n",
    }


def test_every_value_and_key_knows_its_place() -> None:
    root = parse_yaml("sites:\n  dc3: {country: FR}\n  list: [a, b]\n", "f.yml")
    assert isinstance(root.value, dict)
    sites = root.value["sites"]
    assert isinstance(sites.value, dict)
    dc3, names = sites.value["dc3"].value, sites.value["list"].value
    assert isinstance(dc3, dict)
    assert isinstance(names, list)
    country, second = dc3["country"], names[1]

    assert (root.key_places["sites"], sites.key_places["dc3"]) == (Place("f.yml", 1, 1), Place("f.yml", 2, 3))
    assert (country.place, second.place) == (Place("f.yml", 2, 18), Place("f.yml", 3, 13))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", ["2:1 key 'a' is here twice"]),
        ("a: {b: 1, b: 2}", ["1:11 key 'b' is here twice"]),
        ("a: &x 1", ["1:4 anchor '&x' is not allowed"]),
        ("a: &x [1]", ["1:4 anchor '&x' is not allowed"]),
        ("a: &x 1\nb: *x", ["1:4 anchor '&x' is not allowed", "2:4 alias '*x' is not allowed"]),
        ("a: !!str 1", ["1:4 tag 'tag:yaml.org,2002:str' is not allowed"]),
        ("a: !secret x", ["1:4 tag '!secret' is not allowed"]),
        ("a: !x {b: 1}", ["1:4 tag '!x' is not allowed"]),
        ("? [a]\n: 1", ["1:3 a key must be text"]),
        ("a: 1\n---\nb: 2", ["2:1 second document in one file"]),
        ("a: 'x", ["1:6 cannot read YAML: found unexpected end of stream"]),
        ("a: 1\n  b: 2", ["2:4 cannot read YAML: mapping values are not allowed here"]),
        ("\ta: 1", ["1:1 cannot read YAML: found character '\\t' that cannot start any token"]),
        ("a: 1\na: 2\nb: 'x", ["2:1 key 'a' is here twice",
            "3:6 cannot read YAML: found unexpected end of stream"]),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_told_with_its_place(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_control_characters_are_refused() -> None:
    assert problems("a: \x01")[0].startswith("1:1 cannot read YAML: unacceptable character #x0001")


def test_empty_file_is_an_empty_map() -> None:
    assert plain(parse_yaml("# nothing\n", "f.yml")) == {}


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path / "no.yml", "config/no.yml")

    (problem,) = caught.value.problems
    assert str(problem.place) == "config/no.yml:1:1"
    assert problem.message == "cannot read 'config/no.yml': No such file or directory"


def test_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.yml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path / "f.yml", "f.yml")

    assert caught.value.problems[0].message == "cannot read 'f.yml': it is not UTF-8 text"
