"""Masks that a model predicts, as files."""

from __future__ import annotations

from pathlib import Path

from alkit.campaign.model.mask_predictions import mask_name


def test_no_two_images_have_a_mask_in_the_same_place() -> None:
    keys = ["a.jpg", "a.png", "b/a.jpg", "../a.jpg", "../../a.jpg", "../b/a.jpg", "/a.jpg", "/b/a.jpg"]
    names = [mask_name(key) for key in keys]
    assert len(set(names)) == len(keys)
    for name in names:
        assert not Path(name).is_absolute()
        assert ".." not in Path(name).parts
