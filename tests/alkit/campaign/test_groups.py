"""Near-duplicates as one question: found, asked, audited, and given the label of their leader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import alkit
from alkit import Campaign
from alkit.campaign.export import labeled_export, labeled_splits
from alkit.campaign.groups.leaders import find_followers
from alkit.campaign.groups.standing import standing_of
from alkit.campaign.groups.vectors import ImageVectors
from alkit.campaign.record.events import Trained
from alkit.errors import UsageError
from alkit.utils.progress import NullProgress
from alkit.utils.proportions import upper_bound

BURSTS, FRAMES = 20, 6


class Plane(ImageVectors):
    """Images at angles, in degrees."""

    def __init__(self, *degrees: float) -> None:
        angles = np.radians(degrees)
        self._rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        self.count, self.alike = len(degrees), 0.85

    def units(self, rows):  # type: ignore[no-untyped-def]
        return self._rows[rows]


def test_images_follow_the_leader_they_are_most_like_and_leaders_follow_nobody() -> None:
    found = find_followers(Plane(0, 20, 40, 60, 41, 180), np.array([0, 1, 2, 3, 4, 5]), NullProgress())
    assert dict(zip(found.indices.tolist(), found.leaders.tolist(), strict=True)) == {1: 0, 3: 2, 4: 2}
    assert found.likeness == pytest.approx(np.cos(np.radians([20, 20, 1])))
    labeled_first = find_followers(Plane(0, 20, 40), np.array([1, 0, 2]), NullProgress())
    assert labeled_first.leaders.tolist() == [1, 1]


def test_the_exact_bound_by_hand() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(0, 59) < 0.05 < upper_bound(0, 58) and upper_bound(3, 3) == 1.0


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bursts of noise; frames of one burst differ a little."""
    folder, rng = tmp_path_factory.mktemp("bursts"), np.random.default_rng(0)
    for burst in range(BURSTS):
        scene = rng.integers(0, 200, (16, 16, 3))
        for frame in range(FRAMES):
            pixels = np.clip(scene + rng.integers(0, 9, scene.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{burst:02d}-{frame}.png")
    return folder


@pytest.fixture(scope="module")
def made(bursts: Path) -> Path:
    """A campaign on these."""
    folder = bursts.with_name("campaign")
    alkit.create(folder, str(bursts), classes=("a", "b"), task_options={"epochs": 1}).close()
    return folder


@pytest.fixture
def campaign(made: Path, tmp_path: Path) -> Iterator[Campaign]:
    with Campaign(shutil.copytree(made, tmp_path / "c")) as copied:
        yield copied


def of(key: str) -> str:
    """Return the class of a burst."""
    return "ab"[int(key[:2]) % 2]


def answer(campaign: Campaign, keys: list[str]) -> None:
    campaign.tell({key: of(key) for key in keys})


def test_a_new_campaign_proposes_groups_where_there_are_many(campaign: Campaign) -> None:
    assert campaign.overview["near_duplicates"] == 1.0
    assert any("'alkit groups find'" in note for note in campaign.overview["notes"])
    assert campaign.groups() is None and campaign.status()["copied"] == 0


def test_one_of_each_group_is_asked_and_labels_are_copied_if_the_audit_allows(
    campaign: Campaign,
) -> None:
    found = campaign.find_groups(audit=0.4, limit=0.2)
    assert (found.groups, found.followers, found.drawn) == (BURSTS, BURSTS * 5, BURSTS * 2)
    first = campaign.ask(BURSTS, strategy="typiclust", embeddings=np.eye(BURSTS * FRAMES))
    assert len({key[:2] for key in first.images}) == BURSTS and not first.asked.audits
    with pytest.raises(UsageError, match="0 audited images"):
        campaign.copy_labels()
    answer(campaign, first.images)
    second = campaign.ask(50, strategy="typiclust", embeddings=np.eye(BURSTS * FRAMES))
    assert len(second.asked.audits) == 25 and second.asked.audits == second.indices[25:]
    assert [pick.index for pick in second.shown] != second.indices
    assert len(second.judged) == 25
    answer(campaign, [campaign.state.keys[index] for index in second.asked.audits])
    standing = standing_of(campaign.state)
    assert standing is not None and len(standing.due) == 15
    copied = campaign.copy_labels()
    assert copied.copied > 0 and copied.bound == upper_bound(0, 25, 1 - 0.05 / 3) <= 0.2
    keys, labels = campaign.state.keys, campaign.labels()
    sources = campaign.pool.copied
    assert all(labels[keys[index]] == of(keys[index]) for index in sources)
    assert not set(sources) & {int(index) for index in campaign.state.groups.audit}  # type: ignore[union-attr]
    items = labeled_export(campaign).items
    assert {item.index: item.copied_from for item in items if item.copied_from} == {
        index: keys[source] for index, source in sources.items()
    }
    splits = labeled_splits(campaign, test_share=0.3)
    tested = {item.image for item in splits["test"].items}
    assert not any(item.copied_from for item in splits["test"].items)
    assert not any(item.copied_from in tested for item in splits["train"].items)
    with Campaign(campaign.directory) as again:  # the ledger tells it
        assert again.pool.copied == sources and again.groups() == copied
    third = campaign.ask(2, strategy="typiclust", embeddings=np.eye(BURSTS * FRAMES), new=True).asked
    assert (third.by_people, third.copied) == (len(first.images) + 25, len(sources))


def test_answers_override_copies_which_follow_their_leader_and_can_be_dropped(campaign: Campaign) -> None:
    campaign.find_groups(audit=0.2, limit=0.5)
    standing = standing_of(campaign.state)
    assert standing is not None
    keys = campaign.state.keys
    leaders = sorted(set(standing.leaders.tolist()))
    answer(campaign, [keys[index] for index in leaders])
    answer(campaign, [keys[index] for index in standing.groups.audit])
    campaign.copy_labels()
    index, source = next(iter(campaign.pool.copied.items()))
    campaign.tell({keys[source]: "b" if of(keys[source]) == "a" else "a"})
    assert campaign.labels()[keys[index]] != of(keys[index])
    campaign.tell({keys[index]: of(keys[index])})
    assert index not in campaign.pool.copied and campaign.labels()[keys[index]] == of(keys[index])
    count = len(campaign.pool.copied)
    assert campaign.drop_copies() == count > 0 and not campaign.pool.copied
    assert keys[index] in campaign.labels() and campaign.drop_copies() == 0
    campaign.copy_labels()
    assert campaign.ungroup() == count and campaign.groups() is None and not campaign.pool.copied


def test_a_learning_curve_counts_labels_by_people_with_the_copies_beside(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign.record(Trained(cycle=0, labels=20, metrics={"accuracy": 0.5}, fingerprint="a"))
    campaign.record(Trained(cycle=1, labels=275, copied=35, metrics={"accuracy": 0.75}, fingerprint="b"))
    curve = campaign.curve()
    assert list(curve) == [(20, 0.5), (240, 0.75)] and [point.copied for point in curve.points] == [0, 35]
    assert repr(curve).endswith("0.500 at 20, 0.750 at 240 labels and 35 copies>")
    monkeypatch.setattr("alkit.campaign.analysis.curve.svg", lambda *_: "")  # drawing takes a second
    assert "<th>copies</th>" in curve._repr_html_() and "<th>copies</th>" not in curve[:1]._repr_html_()
    assert repr(campaign.history()[1]) == "<CycleRecord of cycle 1: 240 labels and 35 copies, accuracy 0.750>"
    assert campaign.status()["history"][1]["labels"] == 275


def test_too_many_errors_in_the_audit_stop_copies(campaign: Campaign) -> None:
    campaign.find_groups(audit=0.3, limit=0.05)
    standing = standing_of(campaign.state)
    assert standing is not None
    keys = campaign.state.keys
    answer(campaign, [keys[index] for index in set(standing.leaders.tolist())])
    wrong = {keys[index]: "b" if of(keys[index]) == "a" else "a" for index in standing.groups.audit[::2]}
    campaign.tell(wrong | {keys[index]: of(keys[index]) for index in standing.groups.audit[1::2]})
    with pytest.raises(UsageError, match="no label is copied"):
        campaign.copy_labels()
    assert not campaign.pool.copied


def test_random_queries_choose_among_all_and_control_images_are_no_sources(campaign: Campaign) -> None:
    campaign.find_groups()
    drawn = campaign.ask(100, strategy="random", control=0.0)
    assert len({key[:2] for key in drawn.images}) == BURSTS and not drawn.asked.audits
    assert drawn.asked.candidates == BURSTS * FRAMES
