"""Contact sheets: each picture in its place, what stands below it, and what is not there any more."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.report import thumbnails
from alkit.campaign.report.thumbnails import CELL, sheet
from alkit.reporting.document import Pictures


def cells(shown: Pictures) -> list[str]:
    """Name the colour of each picture in the strip; `grey` where there is none."""
    head, _, data = shown.strip.partition(",")
    assert head == "data:image/jpeg;base64"
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), dtype=float)
    assert strip.shape == (CELL, CELL * len(shown.pictures), 3)
    means = [part.mean(axis=(0, 1)) for part in np.split(strip, len(shown.pictures), axis=1)]
    return ["grey" if np.ptp(mean) < 20 else ("red", "green", "blue")[mean.argmax()] for mean in means]


def test_pictures_stand_in_the_order_of_the_picks(session: Campaign) -> None:
    picks = session.queries[-1].picks
    shown = sheet(session, picks, "last")
    assert cells(shown) == [pick.image.split("/")[0] for pick in picks]
    assert [picture.lines[0] for picture in shown.pictures] == [pick.answer for pick in picks]
    assert [picture.wrong for picture in shown.pictures] == [not pick.correct for pick in picks]


def test_what_the_model_said_stands_below(session: Campaign) -> None:
    pick = session.queries[-1].picks[0]
    right = replace(pick, answer="red", predicted="red", confidence=0.625, correct=True)
    wrong = replace(pick, answer="red", predicted="blue", confidence=None, correct=False)
    shown = sheet(session, [right, wrong, replace(pick, predicted=None, correct=None)], "")
    assert [list(picture.lines) for picture in shown.pictures] == [
        ["red", "✓ 62%"],
        ["red", "blue"],
        [pick.answer],
    ]
    assert shown.pictures[1].alt == f"{pick.image}: labeled red, predicted as blue"


def test_only_answered_images_are_shown_and_not_too_many(
    session: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST", 2)
    first, *rest = session.queries[-1].picks
    shown = sheet(session, [replace(first, answer=None), *rest], "")
    assert [picture.alt.split(":")[0] for picture in shown.pictures] == [pick.image for pick in rest[:2]]


def test_a_changed_original_is_shown_as_it_was_stored(
    session: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    picks = session.queries[-1].picks[:1]
    monkeypatch.setattr(session.source, "load", lambda key: ("another", np.full((12, 12, 3), 128, np.uint8)))
    assert cells(sheet(session, picks, "")) == [picks[0].image.split("/")[0]]
    (session.directory / "cache" / "pool.u8").unlink()
    session.resources.forget_images()
    shown = sheet(session, picks, "")
    assert cells(shown) == ["grey"]
    assert shown.pictures[0].lines[0].endswith("(no longer readable)")


@pytest.mark.parametrize(
    ("size", "fits"), [((8, 8), (96, 96)), ((40, 20), (80, 40)), ((500, 100), (96, 19)), ((1, 400), (1, 96))]
)
def test_thumbnails_fit_a_cell(size: tuple[int, int], fits: tuple[int, int]) -> None:
    assert thumbnails._thumbnail(np.zeros((size[1], size[0], 1), np.uint8)).size == fits
