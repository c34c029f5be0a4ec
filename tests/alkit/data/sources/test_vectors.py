"""Pools of vectors: keys, hashes, what people see, and what cannot be done without pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit.data.sources import with_pixels
from alkit.data.sources.vectors import CARD, FADED, LINE, MARGIN, PAPER, Vectors, card
from alkit.errors import SourceError
from alkit.plugin.sources import open_source


@pytest.fixture
def vectors(pictures: Path, tmp_path: Path) -> Path:
    """40 vectors; the names of the first two are paths of pictures, and the last is a copy of the first."""
    values = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    values[39] = values[0]
    names = [str(pictures / "red" / f"{number:02d}.png") for number in range(2)]
    names += [f"frames/{number:03d}" for number in range(2, 40)]
    np.savez(tmp_path / "emb.npz", embeddings=values, images=np.array(names))
    return tmp_path / "emb.npz"


def test_keys_are_names_or_positions(vectors: Path, tmp_path: Path) -> None:
    source = open_source(str(vectors))
    assert isinstance(source, Vectors)
    assert source.location == f"vectors:{vectors}"
    assert source.keys()[2] == "frames/002"
    assert open_source(source.location).keys() == source.keys()
    np.save(tmp_path / "plain.npy", np.ones((12, 3), dtype=np.float32))
    assert open_source(str(tmp_path / "plain.npy")).keys()[:2] == ["00", "01"]


def test_people_see_the_picture_or_a_card(vectors: Path) -> None:
    source = open_source(str(vectors))
    first, second = source.keys()[0], source.keys()[2]
    assert source.load(first)[1].shape == (12, 12, 3)
    card = source.load(second)[1]
    assert card.shape == (CARD, CARD, 1)
    assert card.min() < 100
    assert source.load(first)[0] == source.hash_of(source.keys()[39]) != source.hash_of(second)
    assert source.read("no such key").unusable is not None


@pytest.mark.parametrize("name", ["short", "W" * 60, "i" * 300])
def test_what_a_card_says_ends_before_its_edge(name: str) -> None:
    drawn = card(name)[:, :, 0]
    assert drawn[1:-1, 1:MARGIN].min() == drawn[1:-1, -MARGIN:-1].min() == PAPER
    assert (drawn[-MARGIN - LINE :, MARGIN:-MARGIN] == FADED).any()


def test_a_name_twice_or_a_pickle_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "twice.npz", embeddings=np.ones((2, 3)), images=np.array(["a", "a"]))
    with pytest.raises(SourceError, match="names 'a' twice"):
        open_source(str(tmp_path / "twice.npz"))
    np.savez(tmp_path / "odd.npz", embeddings=np.ones((2, 3)), images=np.array(["a", None], dtype=object))
    with pytest.raises(SourceError, match="Python objects, which are never loaded"):
        open_source(str(tmp_path / "odd.npz"))


def test_only_a_pool_can_be_without_pixels(vectors: Path) -> None:
    with pytest.raises(SourceError, match="without pixels"):
        with_pixels(open_source(str(vectors)))


def test_a_campaign_of_vectors(vectors: Path, here: Path, alkit: Callable[..., Any], alkit_ends: Any) -> None:
    query = ("query", "--pool", vectors, "-n", "6", "--strategy", "typiclust")
    said = alkit(*query, "--json")
    assert said.json["candidates"] == 39
    assert said.json["given"]["embeddings"]["file"] == str(vectors)
    assert "without pixels" in said.err
    assert alkit(*query, "--json").json["reused"]
    answers = here / "answers.csv"
    answers.write_text("\n".join(["image,label", *(f"{p['image']},a" for p in said.json["picks"][:3])]))
    alkit("ingest", "-c", "emb-campaign", answers, "--allow-new-classes")
    assert "nothing to train on" in alkit_ends("train", "-c", "emb-campaign").error
    refused = alkit_ends("query", "-c", "emb-campaign", "-n", "3", "--new", "--strategy", "margin")
    assert "bring them with --predictions FILE" in refused.error
    again = alkit("query", "-c", "emb-campaign", "-n", "3", "--new", "--strategy", "coreset", "--json").json
    assert len(again["picks"]) == 3
    assert "--test" in alkit_ends(*query, "-c", "other", "--test", vectors).error
    alkit("report", "-c", "emb-campaign")
    assert len(alkit("export", "-c", "emb-campaign", "--format", "csv", "--out", here / "out.csv").out) > 0


def test_new_rows_of_a_file_wait_for_an_update(tmp_path: Path, alkit: Callable[..., Any]) -> None:
    file, campaign = tmp_path / "plain.npy", tmp_path / "c"
    values = np.random.default_rng(0).normal(size=(60, 4))
    np.save(file, values[:50])
    alkit("init", campaign, "--pool", f"vectors:{file}")
    np.save(file, values)
    said = alkit("query", "-c", campaign, "-n", "3", "--strategy", "coreset", "--json")
    assert "10 rows are of no image of this pool; the first: row 51 ('50'); 'alkit update' adds" in said.err
    assert said.json["candidates"] == 50
    alkit("update", "-c", campaign)
    said = alkit("query", "-c", campaign, "-n", "3", "--strategy", "coreset", "--new", "--json")
    assert "of no image" not in said.err
    assert said.json["candidates"] == 60
