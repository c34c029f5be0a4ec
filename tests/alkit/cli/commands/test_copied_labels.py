"""All commands tell labels that people gave from copies of them on near-duplicates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.record.events import LabelsCopied

Alkit = Callable[..., Any]


def copy_labels(directory: Path, count: int) -> None:
    with Campaign(directory) as campaign:
        sources = np.flatnonzero(np.isin(np.arange(campaign.pool.size), campaign.pool.labeled))[:count]
        campaign.record(
            LabelsCopied(indices=campaign.pool.candidates[:count].tolist(), sources=sources.tolist())
        )


@pytest.fixture
def with_copies(labeled: Path) -> Path:
    """12 labels by people and 3 copies."""
    copy_labels(labeled, 3)
    return labeled


def test_labels_and_copies_are_counted_apart(
    alkit: Alkit, with_copies: Path, pictures: Path, here: Path
) -> None:
    said = alkit("train", "-c", with_copies, "-q").out
    assert "on 12 labels and 3 copies" in said
    predicted = alkit("predict", "-c", with_copies, pictures, "--out", "p.csv", "-q").out
    assert "cycle 0, 12 labels and 3 copies" in predicted
    exported = alkit("export-model", "-c", with_copies, "--out", "model", "-q").out
    assert "cycle 0, 12 labels and 3 copies" in exported
    card = Path("model/README.md").read_text(encoding="utf-8")
    assert "12 labels and 3 copies, from a pool of 60 images" in card
    training = json.loads(Path("model/config.json").read_text())["training"]
    trained = alkit("train", "-c", with_copies, "-q", "--json").json
    told = alkit("export-model", "-c", with_copies, "--out", "model", "--force", "-q", "--json").json
    model = alkit("predict", "-c", with_copies, pictures, "--out", "q.csv", "-q", "--json").json["model"]
    for found in (training, trained, told, model):
        assert (found["labels"], found["copied"]) == (15, 3)


def test_without_copies_nothing_is_said_of_them(alkit: Alkit, labeled: Path, here: Path) -> None:
    told = alkit("export-model", "-c", labeled, "--out", "model", "-q", "--json").json
    assert told["labels"] == 12
    assert "copied" not in told
    assert "It was trained on\n12 labels, from" in Path("model/README.md").read_text(encoding="utf-8")


def test_labels_that_came_later_are_counted_apart(alkit: Alkit, labeled: Path, here: Path) -> None:
    alkit("train", "-c", labeled, "-q")
    copy_labels(labeled, 2)
    Path("more.csv").write_text("image,label\nblue/19.png,blue\n")
    alkit("ingest", "-c", labeled, "more.csv")
    said = alkit("export-model", "-c", labeled, "--out", "model").err
    assert "the model knows 12 labels, and 1 label and 2 copies came later" in said
