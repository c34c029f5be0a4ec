"""Records become JSON values in one place: keys, nesting, tuples, numbers that JSON does not have."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from alkit.utils.json_values import AsDict, as_json, finite, plain


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Renamed(AsDict):
    json_keys: ClassVar[tuple[str, ...]] = ("class=name", "double")

    name: str
    number: int

    @property
    def double(self) -> int:
        return 2 * self.number


@dataclass(frozen=True, slots=True)
class Whole(AsDict):
    title: str
    one: Renamed | None
    several: tuple[Plain, ...]
    by_name: dict[str, Renamed]


def test_all_fields_are_keys_however_deep() -> None:
    record = Whole("t", Renamed("cat", 2), (Plain("a", (1, 2)), Plain("b", ())), {"k": Renamed("dog", 3)})
    assert record.as_dict() == {
        "title": "t",
        "one": {"class": "cat", "double": 4},
        "several": [{"name": "a", "numbers": [1, 2]}, {"name": "b", "numbers": []}],
        "by_name": {"k": {"class": "dog", "double": 6}},
    }
    assert list(record.as_dict()) == ["title", "one", "several", "by_name"]
    assert Whole("t", None, (), {}).as_dict()["one"] is None


def test_what_is_written_is_read_back_as_it_was() -> None:
    values = Whole("t", Renamed("cat", 2), (Plain("a", (1, 2)),), {}).as_dict()
    assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "text"])
def test_single_values_stay_as_they_are(value: Any) -> None:
    assert plain(value) is value


def test_a_class_is_not_taken_for_a_record() -> None:
    assert plain(Plain) is Plain


def test_numbers_that_json_does_not_have_become_none() -> None:
    found = finite({1: (math.nan, math.inf, 0.5), "n": [np.int64(3), np.float32(0.5), True, None, "nan"]})
    assert found == {"1": [None, None, 0.5], "n": [3, 0.5, True, None, "nan"]}
    assert [type(value) for value in found["n"][:3]] == [int, float, bool]


def test_text_that_utf8_cannot_hold_is_escaped() -> None:
    text = as_json({"file": "caf\udce9.csv", "word": "später"})
    assert "später" in text
    assert json.loads(text.encode("utf-8")) == {"file": "caf\udce9.csv", "word": "später"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"loss": math.nan})
