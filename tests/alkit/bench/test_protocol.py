"""Protocols: what a file may say, and that what is wrong is said in one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from alkit.bench.protocol import Entry, check_protocol, find_protocol, parse_protocol, read_protocol, shipped
from alkit.bench.upper_bound import participant
from alkit.errors import InvalidProtocol

TABLE: dict[str, Any] = {
    "data": {"pool": "digits"},
    "labels": {"start": 10, "budget": 5, "cycles": 2},
    "strategies": ["random"],
}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_protocol_fits_its_strategies_and_its_file(name: str, tmp_path: Path) -> None:
    protocol = find_protocol(name)
    assert protocol.name == name
    assert protocol.description
    assert protocol.strategies[0] == Entry(name="random")
    for entry in protocol.strategies:
        participant(entry)
    copy = tmp_path / f"{name}.toml"
    copy.write_text(protocol.to_toml())
    assert read_protocol(copy) == protocol


def test_what_does_not_change_a_cell_does_not_change_the_fingerprint() -> None:
    protocol = parse_protocol(TABLE)
    for same in (
        dataclasses.replace(protocol, seeds=(7,)),
        dataclasses.replace(protocol, strategies=(Entry(name="entropy"),)),
        dataclasses.replace(protocol, name="other"),
        dataclasses.replace(protocol, data=dataclasses.replace(protocol.data, pool=("./elsewhere",))),
    ):
        assert same.fingerprint() == protocol.fingerprint()
    for other in (
        dataclasses.replace(protocol, judge="both"),
        dataclasses.replace(protocol, labels=dataclasses.replace(protocol.labels, start=11)),
        dataclasses.replace(protocol, task=dataclasses.replace(protocol.task, options={"epochs": 3})),
    ):
        assert other.fingerprint() != protocol.fingerprint()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labls": {}}, "no key 'labls'; did you mean 'labels'?"),
        ({"labels": {"start": 10}}, "labels lacks budget, cycles"),
        ({"labels": {"start": 0, "budget": 5, "cycles": 2}}, "labels.start should be a whole number"),
        ({"labels": {**TABLE["labels"], "candidates": 4}}, "at least the budget"),
        ({"labels": {**TABLE["labels"], "draw": "best"}}, "labels.draw should be one of"),
        ({"data": {}}, "data.pool should name"),
        ({"data": {"pool": "digits", "ratio": 0.5, "imbalance": "step"}}, "data.ratio"),
        ({"data": 3}, "data should be a table"),
        ({"strategies": []}, "[[strategies]]"),
        ({"strategies": ["random", "random"]}, "'random' is listed twice"),
        ({"strategies": "random"}, "strategies should be a list"),
        ({"strategies": [3]}, "a strategy should be a name or a table"),
        ({"seeds": 0}, "seeds should be a number of seeds"),
        ({"seeds": []}, "at least one seed"),
        ({"judge": "nobody"}, "judge should be one of"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidProtocol, match=".*".join(map(_literal, sentence.split("*")))):
        parse_protocol(TABLE | change)


def _literal(text: str) -> str:
    import re

    return re.escape(text)


def test_a_file_that_is_not_there_or_no_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidProtocol, match=r"no protocol file .*none\.toml"):
        read_protocol(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(InvalidProtocol, match="cannot be read"):
        find_protocol(str(broken))
    with pytest.raises(InvalidProtocol, match="did you mean 'quick'"):
        find_protocol("quik")


def test_seeds_are_counted_or_listed() -> None:
    assert parse_protocol(TABLE | {"seeds": 3}).seeds == (0, 1, 2)
    assert parse_protocol(TABLE | {"seeds": [4, 9, 4]}).seeds == (4, 9)
    check_protocol(parse_protocol(TABLE))


def test_a_costly_strategy_may_take_part_in_the_first_seeds_only() -> None:
    few = {"name": "entropy", "seeds": 1}
    protocol = parse_protocol(TABLE | {"seeds": [4, 9], "strategies": ["random", few]})
    assert [(entry.name, seed) for entry, seed in protocol.cells] == [
        ("random", 4),
        ("entropy", 4),
        ("random", 9),
    ]
