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
        found = twins([first], [second], {name: 1, other: 30})
        assert len(found) == (how is not None)
        assert all(f"'{first}'" in said and f"'{second}'" in said for said in found)
        assert all(said.endswith(f"by {how}") or said.endswith(f"only by {how}") for said in found)


@pytest.mark.parametrize(
    ("few", "many", "warned"),
    [
        (1, 30, True),
        (4, 20, True),
        (1, 5, True),
        (1, 4, False),
        (20, 24, False),
        (0, 30, False),
        (0, 0, False),
    ],
)
def test_one_letter_is_a_slip_only_where_one_name_is_rare(few: int, many: int, warned: bool) -> None:
    for counts in ({"skirt": few, "shirt": many}, {"shirt": few, "skirt": many}):
        said = twins(["shirt", "skirt"], counts=counts)
        assert len(said) == warned
        assert all(f"({many} labels)" in one and f"({few})" in one for one in said)


def test_case_is_a_slip_however_many_labels_there_are() -> None:
    assert len(twins(["Shirt", "shirt"])) == 1


def test_new_names_are_compared_with_each_other_too() -> None:
    assert len(twins(["Dog", "dog", "dog"], ["cat"])) == 1
    assert twins(["dog"], ["dog"]) == []


def test_the_class_that_is_meant() -> None:
    assert same_but_for_case("CAT ", ["dog", "cat"]) == "cat"
    assert same_but_for_case("cat", ["cat"]) is None
    assert same_but_for_case("bat", ["cat"]) is None
