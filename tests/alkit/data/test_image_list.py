"""Lists of images: names that are positions, and images in columns."""

from __future__ import annotations

import hashlib

import pytest

from alkit.data.image_list import ImageList, ImageRecord, ImagesInMemory, SetAside
from alkit.data.positions import Positions
from alkit.data.scanned_images import ScannedImages, UnreadImages
from alkit.data.source import DecodedImage


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


READ = [
    DecodedImage(hash_of("a"), 4, 3),
    DecodedImage(hash_of("b"), 5, 5),
    DecodedImage("", unusable="it is empty"),
    DecodedImage(hash_of("a"), 4, 3),
    DecodedImage("odd", 1, 1),
    DecodedImage("odd", 1, 1),
    DecodedImage(hash_of("b"), 5, 5, unusable="it is broken"),
]


def scanned(keys: list[str] | Positions, **known: int) -> ScannedImages:
    images = ScannedImages(keys, known={hash_of(text): index for text, index in known.items()}.get)
    images.add(READ[:3])
    images.add(READ[3:])
    return images


def in_memory() -> ImagesInMemory:
    first = {0: None, 1: None, 2: None, 3: 0, 4: None, 5: 4, 6: None}
    return ImagesInMemory(
        [
            ImageRecord(at, str(at), r.hash, r.width, r.height, r.unusable, first[at])
            for at, r in enumerate(READ)
        ]
    )


@pytest.mark.parametrize("images", [scanned([*"0123456"]), scanned(Positions(7)), in_memory()])
def test_images_in_columns_are_those_in_memory(images: ImageList) -> None:
    same = in_memory()
    assert images == same and list(images) == list(same) and images[2:5] == list(same)[2:5]
    assert images.set_aside == [
        SetAside(2, "it is empty", None),
        SetAside(3, None, 0),
        SetAside(5, None, 4),
        SetAside(6, "it is broken", None),
    ]
    assert images.index_of("5") == 5 and images.index_of("7") is None and images.keys_of([6, 0]) == ["6", "0"]
    assert list(images.of_content(hash_of("a"))) == [0, 3] and list(images.of_content("")) == []
    assert list(images.with_hash(hash_of("b")[:9])) == [1, 6] and list(images.with_hash("odd")) == [4, 5]
    assert list(images.keys) == [*"0123456"] and images.keys[-1] == "6" and "3" in images.keys
    assert images.names_beyond(Positions(9)) == ["7", "8"] and images.names_beyond(Positions(11)) is None


def test_a_copy_of_an_image_that_came_before() -> None:
    images = scanned([*"0123456"], a=70)
    assert [row.duplicate_of for row in images.set_aside] == [70, None, 70, 4, None]


def test_names_that_are_positions() -> None:
    names = Positions(11, "train/")
    assert names == [f"train/{at:02}" for at in range(11)] == list(names)
    assert names[-1] == "train/10" and names[3:5] == ["train/03", "train/04"]
    assert names.index("train/07") == 7 and "train/7" not in names and "train/11" not in names
    with pytest.raises(ValueError, match="not in the list"):
        names.index("test/01")


def test_images_that_nobody_has_read() -> None:
    images = UnreadImages(Positions(3))
    assert images == [ImageRecord(at, str(at), "", 0, 0, None, None) for at in range(3)]
    assert images.index_of("2") == 2 and not images.set_aside and not images.of_content("")
