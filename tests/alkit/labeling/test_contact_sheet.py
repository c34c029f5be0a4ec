"""Contact sheets: the right image in the right place, whatever its shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.campaign.record.query import Pick
from alkit.errors import UnusableImage
from alkit.labeling.contact_sheet import CAPTION, CELL, GAP, MOST, write_contact_sheet


def sheet(path: Path, *images: np.ndarray | None) -> np.ndarray:
    def read(pick: Pick) -> np.ndarray:
        pixels = images[pick.index]
        if pixels is None:
            raise UnusableImage("gone")
        return pixels

    picks = [Pick(number + 1, number, str(number), 0.5) for number in range(len(images))]
    write_contact_sheet("query 1", picks, read, path)
    return np.asarray(Image.open(path).convert("RGB"))


def flat(height: int, width: int, color: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(np.array(color, dtype=np.uint8), (height, width, len(color)))


def middle(number: int) -> tuple[int, int]:
    row, column = divmod(number, 10)
    return 30 + row * (CELL + CAPTION + GAP) + CELL // 2, GAP + column * (CELL + GAP) + CELL // 2


def test_picks_are_in_order_row_by_row(tmp_path: Path) -> None:
    shown = sheet(tmp_path / "a.png", *[flat(8, 8, (0, 10 * number, 250)) for number in range(13)])
    for number in range(13):
        assert shown[middle(number)].tolist() == [0, 10 * number, 250]


@pytest.mark.parametrize(
    ("height", "width", "channels"),
    [(1, 1, 3), (8, 8, 1), (3, 500, 3), (900, 2, 1), (300, 200, 3), (57, 56, 3)],
)
def test_any_shape_fits(tmp_path: Path, height: int, width: int, channels: int) -> None:
    shown = sheet(tmp_path / "a.png", flat(height, width, (90, 160, 230)[:channels]))
    row, column = middle(0)
    around = shown[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3).tolist()
    assert ([90, 160, 230] if channels == 3 else [90, 90, 90]) in around
    assert shown.shape[0] == 30 + CELL + CAPTION + GAP + GAP


def test_an_image_that_is_gone_leaves_its_place_empty(tmp_path: Path) -> None:
    shown = sheet(tmp_path / "a.png", None, flat(8, 8, (0, 0, 250)))
    assert shown[middle(1)].tolist() == [0, 0, 250]
    assert (shown[30 : 30 + CELL, GAP : GAP + CELL] != 255).any(), "a frame says so"


def test_only_the_first_are_shown(tmp_path: Path) -> None:
    assert (
        sheet(tmp_path / "a.png", *[flat(4, 4, (0, 0, 0))] * (MOST + 30)).shape
        == sheet(tmp_path / "b.png", *[flat(4, 4, (0, 0, 0))] * MOST).shape
    )


def test_a_sheet_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        sheet(tmp_path / "a.png", flat(4, 4, (0, 0, 0)))
    assert list(tmp_path.iterdir()) == []
