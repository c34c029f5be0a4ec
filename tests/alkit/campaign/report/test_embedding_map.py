"""The map of images: who is on it, and what it says when there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.report import embedding_map
from alkit.campaign.report.embedding_map import NoMap, find_places


def sizes(found: embedding_map.Places) -> dict[str, int]:
    return {name: len(points) for name, points in found.groups.items()}


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_every_image_is_in_one_group(session: Campaign, method: Any) -> None:
    found = find_places(session, session.queries[-1], method)
    assert sizes(found) == {"unlabeled": 24, "labeled": 24, "picks": 9, "control": 3}
    assert all(np.isfinite(points).all() for points in found.groups.values())
    assert found.left_out == 0


def test_the_same_campaign_gives_the_same_map(session: Campaign) -> None:
    one, other = (find_places(session, None, "pca") for _ in range(2))
    assert all((one.groups[name] == other.groups[name]).all() for name in one.groups)
    assert sizes(one)["picks"] == 0


def test_large_groups_are_sampled(session: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_map, "MOST", 10)
    found = find_places(session, session.queries[-1], "pca")
    assert sizes(found) == {"unlabeled": 10, "labeled": 10, "picks": 9, "control": 3}
    assert found.left_out == 28


def test_without_a_training_there_is_no_map(campaign: Path) -> None:
    with Campaign(campaign) as fresh, pytest.raises(NoMap, match="nothing has been trained yet"):
        find_places(fresh, None, "pca")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x")])
def test_without_its_checkpoint_there_is_no_map(session: Campaign, damage: Callable[[Path], Any]) -> None:
    damage(session.directory / session.history()[-1].record["checkpoint"])
    with pytest.raises(NoMap, match=r"\.pt is missing or no longer fits.*'alkit train'"):
        find_places(session, None, "pca")


def test_without_embeddings_there_is_no_map(session: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    task = type(session.resources.task(session.state))
    forward = task.forward_batch
    monkeypatch.setattr(
        task, "forward_batch", lambda self, batch: dataclasses.replace(forward(self, batch), embedding=None)
    )
    with pytest.raises(NoMap, match=r"'classification' .*no embeddings"):
        find_places(session, None, "pca")
