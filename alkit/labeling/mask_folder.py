"""A folder of masks: each is named like its image, and lies where the image does in the pool."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alkit.errors import InvalidAnswers

from .csv_table import TableAnswers
from .given_answer import GivenAnswer
from .mask_files import LOSSY, SUFFIXES

ENDINGS = ("_mask", "_masks", "_label", "_labels", "_labelIds", "_gt", "_seg", "_L", "-mask", "-label")
"""What data sets append to the names of masks."""
BESIDE = ("masks", "mask", "labels", "annotations")
"""Folders beside one of images that may hold their masks."""


def masks_in(folder: Path) -> dict[str, Path]:
    """Return the masks below a folder, by their path in it without suffix and without a common ending."""
    found = sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    )
    stems = [path.relative_to(folder).with_suffix("").as_posix() for path in found]
    ending = next((end for end in ENDINGS if stems and all(stem.endswith(end) for stem in stems)), "")
    return {stem.removesuffix(ending): path for stem, path in zip(stems, found, strict=True)}


def read_mask_folder(folder: Path) -> TableAnswers:
    """Read a folder of masks as answers: the path without suffix names the image, the file is the label.

    Raises:
        InvalidAnswers: there are no masks in it.
    """
    files = masks_in(folder)
    if not files:
        raise InvalidAnswers(
            f"there are no masks in {folder}; each should be a PNG, TIFF or BMP file named like its image"
            f"{about_jpegs(folder)}"
        )
    answers = [
        GivenAnswer.of_file(number, stem, str(path.absolute()))
        for number, (stem, path) in enumerate(files.items(), start=1)
    ]
    return TableAnswers(answers)


def about_jpegs(folder: Path) -> str:
    """Return the end of a sentence about a folder without masks: why its JPEG files do not count, if any."""
    found = any(Path(name).suffix.lower() in LOSSY for _, _, names in os.walk(folder) for name in names)
    because = "JPEG files cannot be masks, since JPEG changes the numbers of pixels"
    return f"; {because}: save the masks as PNG, TIFF or BMP" if found else ""


def masks_beside(folder: Path, keys: Sequence[str]) -> dict[str, str]:
    """Return the masks of images, by the image's key, from a folder beside that of the images.

    Of `train/images`, that is `train/masks`; of `images/train`, it is `masks/train`.

    Args:
        folder: of the images.
        keys: of the images, from the folder.
    """
    parts = folder.parts
    places = [folder.parent / name for name in BESIDE]
    for number in range(len(parts) - 1, 0, -1):
        if parts[number] == "images":
            places += [Path(*parts[:number], name, *parts[number + 1 :]) for name in BESIDE]
    for place in places:
        if place != folder and place.is_dir():
            files = masks_in(place)
            stems = {key: Path(key).with_suffix("").as_posix() for key in keys}
            found = {key: str(files[stem].absolute()) for key, stem in stems.items() if stem in files}
            if found:
                return found
    return {}
