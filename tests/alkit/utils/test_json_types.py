"""Values from files are of the types that were declared for them, or the place is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from alkit.utils.json_types import check_type


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, int),
        (1, float),
        (1.5, float),
        ("a", str | None),
        (None, str | None),
        ([1, 2], Sequence[int]),
        ({"a": {"b": 1}}, Mapping[str, Mapping[str, float]]),
        ([3, 12, 16], tuple[int, int, int]),
        ("last", Literal["last", "majority"]),
        ({"anything": [None]}, Any),
    ],
)
def test_what_fits_is_taken(value: Any, hint: Any) -> None:
    check_type(value, hint, "it")


@pytest.mark.parametrize(
    ("value", "hint", "named"),
    [
        (True, int, "it should be int, not True"),
        (True, float, "it should be float"),
        ("1", int, "it should be int, not '1'"),
        (1.5, int, "it should be int"),
        (None, str, "it should be str"),
        (3, str | None, "it should be"),
        ("abc", Sequence[str], "it should be a list"),
        ([1, "2"], Sequence[int], "an item of it should be int"),
        ([1], Mapping[str, int], "it should be a table"),
        ({"a": "b"}, Mapping[str, float], r"it\.a should be float"),
        ([3, 12], tuple[int, int, int], "it should have 3 items, not 2"),
        ("first", Literal["last", "majority"], "it should be"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, hint: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        check_type(value, hint, "it")
