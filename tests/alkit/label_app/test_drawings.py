"""Answers that are drawn: what the model draws is shown and accepted, or there is nothing in an image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.interfaces.format import Prediction


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """A campaign of masks with an open query of three images."""
    for number in range(4):
        path = tmp_path / "pool" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 12), (40 * number, 9, 90)).save(path)
    classes = ("background", "road")
    made = create(
        tmp_path / "camp", str(tmp_path / "pool"), task="segmentation", classes=classes, device="cpu"
    )
    with made as campaign:
        campaign.ask(3, strategy="random")
    return tmp_path / "camp"


def test_the_model_s_mask_is_shown_and_accepted(
    roads: Path, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = np.zeros((12, 16), dtype=np.uint8)
    mask[3:7, 2:9], mask[0, 0] = 1, 255

    def suggest(campaign: Campaign, labels: Any, items: Any) -> dict[int, Prediction]:
        return {item.index: Prediction(labels.of_numbers(mask), 0.75) for item in items}

    monkeypatch.setattr("alkit.campaign.model.suggestions.suggestions", suggest)
    client = served(roads)
    state = client.state()
    assert (state["drawn"], state["guesses"], state["nothing"]) == (True, False, '{"shapes": []}')
    first, second, third = (image["index"] for image in state["images"])
    guess = client.ask(f"guess/1/{first}").json
    assert guess["probability"] == 0.75
    plain, drawn = (
        np.asarray(Image.open(io.BytesIO(client.ask(f"{kind}/1/{first}").content)).convert("RGB")).astype(int)
        for kind in ("image", "drawn")
    )
    assert ((plain != drawn).any(axis=2) == (mask != 255)).all()
    assert client.answer(first, guess["label"]).status == 200
    assert client.answer(second, state["nothing"]).status == 200
    assert client.answer(third, "unusable").status == 200
    with Campaign(roads) as campaign:
        labels = campaign.label_kind
        found = {index: labels.pixels(campaign.pool.answer_of(index).value) for index in (first, second)}
    assert (found[first] == mask).all()
    assert (found[second] == 0).all()
