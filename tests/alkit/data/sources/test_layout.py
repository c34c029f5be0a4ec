"""When folders are classes, and what is said if they almost are."""

from __future__ import annotations

import pytest

from alkit.data.sources.layout import read_layout

TWO = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(10)]


def test_folders_of_one_level_are_classes() -> None:
    layout = read_layout(TWO)
    assert (layout.classes, layout.strays, layout.notes) == (("cat", "dog"), (), ())


@pytest.mark.parametrize("stray", ["cover.png", "cat/deep/1.png"])
def test_the_one_stray_image_is_named(stray: str) -> None:
    layout = read_layout([*TWO, stray])
    assert layout.classes == ()
    assert layout.strays == (stray,)
    (note,) = layout.notes
    assert repr(stray) in note and "2 folders are not taken as classes" in note


def test_many_strays_are_another_layout() -> None:
    layout = read_layout([*TWO, *(f"{number}.png" for number in range(10))])
    assert (layout.classes, layout.strays, layout.notes) == ((), (), ())


def test_parts_of_a_data_set_are_recognized() -> None:
    layout = read_layout([f"{part}/{key}" for part in ("test", "train") for key in TWO])
    assert layout.classes == ()
    assert "'test' and 'train'" in layout.notes[0] and "--pool" in layout.notes[0]
