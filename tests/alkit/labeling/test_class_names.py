"""Tests of names of classes that look like slips."""

from __future__ import annotations

import pytest

from alkit.labeling.class_names import same_but_for_case, twins


@pytest.mark.parametrize(
    ("name", "other", "how"),
    [
        ("Cat", "cat", "case or white space"),
        ("grey  heron", "grey_heron", "case or white space"),
        ("T-Shirt", "t shirt", "case or white space"),
        ("\uff43at", "cat", "case or white space"),
        ("sparow", "sparrow", "one letter"),
        ("sparrows", "sparrow", "one letter"),
        ("sparrov", "sparrow", "one letter"),
        ("Sparrov", "sparrow", "one letter"),
        ("car", "cat", None),
        ("type-1", "type-2", None),
        ("type1", "type10", None),
        ("house", "mouse", "one letter"),
        ("sparrow", "swallow", None),
    ],
)
def test_twins(name: str, other: str, how: str | None) -> None:
    for first, second in ((name, other), (other, name)):
        found = twins([first], [second])
        assert len(found) == (how is not None)
        assert all(f"'{first}' and '{second}' differ" in said and said.endswith(str(how)) for said in found)


def test_new_names_are_compared_with_each_other_too() -> None:
    assert len(twins(["Dog", "dog", "dog"], ["cat"])) == 1
    assert twins(["dog"], ["dog"]) == []


def test_the_class_that_is_meant() -> None:
    assert same_but_for_case("CAT ", ["dog", "cat"]) == "cat"
    assert same_but_for_case("cat", ["cat"]) is None
    assert same_but_for_case("bat", ["cat"]) is None
