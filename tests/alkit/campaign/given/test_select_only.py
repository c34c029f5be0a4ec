"""Queries from files: the picks of a trained campaign fed with its own outputs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.record.events import Asked, Trained
from alkit.campaign.train import round_of, train
from alkit.errors import InvalidOption, InvalidRows, UnsupportedTask
from alkit.plugin import registry
from alkit.utils.profiling import Profile

COMPOSED = ("balanced(entropy)", "margin(20) > coreset", "mix(0.5 badge, 0.5 random)")
SLOW = ("coregcn", "uncertaingcn")
FROM_FILES = frozenset({"probabilities", "embedding"})
NAMES = [plugin.name for plugin in registry.strategies]
NEEDS = {name: registry.strategies.get(name).needs for name in NAMES}


@dataclass(frozen=True)
class World:
    """A campaign with 12 labels and a training, and what its model says of all images, in files."""

    campaign: Path
    embeddings: Path
    predictions: Path
    keys: list[str]
    probabilities: np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def world(_labeled: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("given")
    copied = Path(shutil.copytree(_labeled, folder / "camp"))
    with Campaign(copied) as campaign, campaign.lock(images=True):
        keys, everything = list(campaign.state.keys), np.arange(len(campaign.state.keys))
        trained, _ = train(campaign, None, Profile())
        cycle = round_of(campaign, None, Profile()).open_cycle(trained.model, trained, everything)
        embeddings = cycle.embeddings(everything).numpy()
        probabilities = cycle.collect(everything, lambda output: output.probabilities).numpy()
        classes = list(campaign.classes)
    np.save(folder / "emb.npy", embeddings)
    order = np.random.default_rng(0).permutation(len(keys))
    names, columns = np.array(keys)[order], np.array(classes)[::-1]
    shuffled = probabilities[order][:, ::-1]
    np.savez(folder / "preds.npz", probabilities=shuffled, images=names, classes=columns)
    return World(copied, folder / "emb.npy", folder / "preds.npz", keys, probabilities)


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Callable[[], Campaign]:
    def copy() -> Campaign:
        return Campaign(shutil.copytree(world.campaign, tmp_path / str(len(list(tmp_path.iterdir())))))

    return copy


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in [*(name for name in NAMES if NEEDS[name] and NEEDS[name] <= FROM_FILES), *COMPOSED]
    ],
)
def test_a_campaign_fed_with_its_own_outputs_picks_the_same(
    world: World, copied: Callable[[], Campaign], strategy: str
) -> None:
    with copied() as usual, copied() as fed:
        trainings = len(fed.ledger.events(Trained))
        own = usual.ask(12, strategy=strategy)
        given = fed.ask(12, strategy=strategy, embeddings=world.embeddings, predictions=world.predictions)
        assert given.picks == own.picks
        assert given.controls == 1
        assert len(fed.ledger.events(Trained)) == trainings
        assert given.asked.checkpoint is None
        assert given.asked.given["predictions"]["found_by"] == "name"
        assert given.asked.given["embeddings"]["found_by"] == "order"


@pytest.mark.parametrize("strategy", [name for name in NAMES if not NEEDS[name] <= FROM_FILES])
def test_what_no_file_brings_is_refused_before_anything_is_recorded(
    world: World, copied: Callable[[], Campaign], strategy: str
) -> None:
    with copied() as campaign:
        events = campaign.ledger.all_events(Asked, Trained)
        with pytest.raises(UnsupportedTask, match="only a training in alkit provides"):
            campaign.ask(5, strategy=strategy, embeddings=world.embeddings, predictions=world.predictions)
        assert campaign.ledger.all_events(Asked, Trained) == events


@pytest.mark.parametrize("strategy", ["vaal", "margin(20) > vaal"])
def test_a_strategy_that_trains_on_pixels_is_refused(
    world: World, copied: Callable[[], Campaign], strategy: str
) -> None:
    with copied() as campaign:
        with pytest.raises(UnsupportedTask, match="'vaal' learns from the pixels"):
            campaign.ask(5, strategy=strategy, predictions=world.predictions)
        assert not campaign.queries


def test_what_is_missing_is_named_by_its_option(world: World, copied: Callable[[], Campaign]) -> None:
    with copied() as campaign:
        with pytest.raises(UnsupportedTask, match="needs embeddings; bring them with --embeddings FILE"):
            campaign.ask(5, strategy="badge", predictions=world.predictions)
        with pytest.raises(UnsupportedTask, match="needs probabilities; bring them with --predictions FILE"):
            campaign.ask(5, strategy="margin", embeddings=world.embeddings)


def test_predictions_choose_before_anything_is_labeled(campaign: Path, world: World) -> None:
    with Campaign(campaign) as opened:
        query = opened.ask(12, strategy="margin", predictions=world.predictions)
        assert not query.asked.seed_query
        assert opened.classes == ["red", "green", "blue"]
        top = np.sort(world.probabilities, axis=1)
        chosen = [pick.index for pick in query.picks if not pick.control]
        margins = top[:, -1] - top[:, -2]
        assert margins[chosen].max() <= np.sort(margins)[len(chosen)]
        assert query.controls == 1
        assert {pick.predicted for pick in query.picks} <= set(opened.classes)


def test_a_strategy_that_compares_with_labels_asks_a_seed_first(campaign: Path, world: World) -> None:
    with Campaign(campaign) as opened:
        assert opened.ask(6, strategy="coreset", embeddings=world.embeddings).asked.seed_query


def test_each_round_brings_new_files(world: World, copied: Callable[[], Campaign]) -> None:
    with copied() as campaign:
        first = campaign.ask(10, strategy="margin", predictions=world.predictions)
        campaign.tell({key: key.split("/")[0] for key in first.images})
        second = campaign.ask(10, strategy="margin", predictions=world.probabilities)
        assert not set(second.indices) & set(first.indices)
        assert second.asked.given["predictions"]["file"] == "the array of predictions"
        assert second.controls == 0  # nobody said which column is which class


def test_images_without_a_row_are_named_or_left_out(world: World, copied: Callable[[], Campaign]) -> None:
    known = dict(zip(world.keys, world.probabilities, strict=True))
    lacking = [key for key in world.keys if key.endswith(("18.png", "19.png"))]
    partial = world.campaign.parent / "partial.csv"
    rows = [",".join([key, *map(str, known[key])]) for key in known if key not in lacking]
    partial.write_text("\n".join(["image,blue,green,red", *rows]))
    with copied() as campaign:
        with pytest.raises(
            InvalidRows, match=r"no row for 6 of .*'blue/18.png', 'blue/19.png', 'green/18.png' and 3 more"
        ):
            campaign.ask(5, strategy="margin", predictions=partial)
        assert not campaign.queries
        query = campaign.ask(42, strategy="margin", predictions=partial, partial=True)
        assert not {*query.images} & {*lacking}
        assert query.asked.candidates == 42


def test_embeddings_of_labeled_images_are_asked_for_when_they_are_needed(
    world: World, copied: Callable[[], Campaign], tmp_path: Path
) -> None:
    with copied() as campaign:
        left = campaign.pool.candidates
        some = tmp_path / "some.npz"
        np.savez(some, embeddings=np.load(world.embeddings)[left], images=np.array(world.keys)[left])
        assert len(campaign.ask(5, strategy="kmeans", embeddings=some).picks) == 5
        with pytest.raises(InvalidRows, match="no row for 12 of the images that the strategy looks at"):
            campaign.ask(5, strategy="coreset", embeddings=some, new=True)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"logits": True}, "--logits is about predictions"),
        ({"partial": True}, "--partial is about files"),
        ({"control": 0.5}, "needs --predictions with names of classes"),
        ({"predictions": np.ones((60, 3))}, "sum to 3 instead of 1"),
    ],
)
def test_options_that_do_not_fit(
    world: World, copied: Callable[[], Campaign], details: dict[str, Any], message: str
) -> None:
    given = {} if {"logits", "partial"} & set(details) else {"embeddings": world.embeddings}
    with copied() as campaign:
        with pytest.raises((InvalidOption, InvalidRows), match=message):
            campaign.ask(5, strategy="typiclust", **given, **details)
        assert not campaign.queries


def test_columns_are_the_classes_of_the_campaign(
    world: World, copied: Callable[[], Campaign], tmp_path: Path
) -> None:
    path = tmp_path / "odd.npz"
    np.savez(path, probabilities=world.probabilities, classes=np.array(["blue", "green", "owl"]))
    with copied() as campaign:
        with pytest.raises(InvalidRows, match="the class 'owl', which this campaign does not have"):
            campaign.ask(5, strategy="margin", predictions=path)
        campaign.rename_class("green", "leaf")
        campaign.add_class("owl")
        query = campaign.ask(5, strategy="margin", predictions=path)
        assert {pick.predicted for pick in query.picks} <= {"blue", "leaf", "owl"}
        assert list(campaign.classes) == ["blue", "leaf", "red", "owl"]


def _table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["image,blue,green,red", *rows]))
    return path


def test_names_that_do_not_fit_the_pool(copied: Callable[[], Campaign], tmp_path: Path) -> None:
    twice = _table(tmp_path / "twice.csv", "red/00.png,0,0,1", "pics/red/00.png,0,0,1")
    elsewhere = _table(tmp_path / "elsewhere.csv", "owl/0.png,0,0,1")
    with copied() as campaign:
        with pytest.raises(InvalidRows, match=r"two rows for 'red/00.png': line 2 .* and line 3 .*"):
            campaign.ask(5, strategy="margin", predictions=twice)
        with pytest.raises(
            InvalidRows, match=r"none of the 1 rows of .* is of an image of this pool: line 2"
        ):
            campaign.ask(5, strategy="margin", predictions=elsewhere)
        with pytest.raises(InvalidRows, match="names no images and has 7 rows, while the pool has 60 images"):
            campaign.ask(5, strategy="typiclust", embeddings=np.ones((7, 2)))
        assert not campaign.queries


def test_boxes_of_a_detector_rank_images_by_their_sum(copied: Callable[[], Campaign], tmp_path: Path) -> None:
    with copied() as campaign:
        first, second, third = campaign.pool.candidates[[0, 20, 40]].tolist()
        scores = {first: [0.9, 0.1], second: [0.5, 0.5], third: [0.5]}
        images = [{"id": at, "file_name": key} for at, key in enumerate(campaign.state.keys)]
        boxes = [{"image_id": at, "score": score} for at, found in scores.items() for score in found]
        path = tmp_path / "coco-results.json"
        path.write_text(json.dumps({"images": images, "annotations": boxes}))
        query = campaign.ask(3, strategy="margin", predictions=path)
        assert query.indices == [second, third, first]
        assert query.controls == 0


def test_the_command_line(world: World, tmp_path: Path, pictures: Path, alkit: Any, alkit_ends: Any) -> None:
    words = ("query", "--pool", pictures, "-c", tmp_path / "camp", "-n", "12")
    bad = alkit_ends(*words, "--embeddings", world.embeddings, "--strategy", "learning-loss")
    assert "only a training in alkit provides" in bad.error
    assert not (tmp_path / "camp").exists()
    said = alkit(*words, "--embeddings", world.embeddings, "--predictions", world.predictions, "--json")
    assert said.json["strategy"] == "uherding"
    assert said.json["given"]["embeddings"]["rows"] == 60
    assert "taken in the order of the pool, from 'blue/00.png' to 'red/19.png'" in said.err
    again = alkit("query", "-c", tmp_path / "camp", "-n", "12", "--predictions", world.predictions)
    assert "--new withdraws" in again.out
    assert "the files are not used" not in again.err
    other = tmp_path / "other.npy"
    np.save(other, world.probabilities)
    again = alkit("query", "-c", tmp_path / "camp", "-n", "12", "--predictions", other)
    assert "the files are not used: query 1" in again.err
