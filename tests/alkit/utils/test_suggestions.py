"""Suggestions find what a slip meant, whatever its case."""

from __future__ import annotations

import pytest

from alkit.utils.suggestions import nearest, suggestion

NAMES = ("entropy", "ta-vaal", "T-Shirt", "shirt")


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("ENTROPY", "entropy"),
        ("Entorpy", "entropy"),
        ("TA_VAAL", "ta-vaal"),
        ("t-shirt", "T-Shirt"),
        ("SHIRT", "shirt"),
        ("xyz", None),
    ],
)
def test_nearest(slip: str, meant: str | None) -> None:
    assert nearest(slip, NAMES) == meant


def test_of_names_alike_but_for_case_the_first_is_meant() -> None:
    assert nearest("OWL", ["Owl", "owl"]) == "Owl"


def test_without_a_near_name_another_hint_stands() -> None:
    assert suggestion("shrit", NAMES, "look again") == "did you mean 'shirt'?"
    assert suggestion("xyz", NAMES, "look again") == "look again"
