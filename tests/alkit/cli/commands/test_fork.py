"""`alkit fork`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


def test_a_second_campaign_has_all_answers_and_another_size(
    alkit: Alkit, labeled: Path, here: Path, contents: Callable[[Path], dict[str, str]]
) -> None:
    (here / "more.csv").write_text(
        "image,label,annotator,cost\nred/05.png,red,ada,2.5\nred/06.png,abstain,ada,\n"
    )
    alkit("ingest", "-c", labeled, "more.csv")
    alkit("query", "-c", labeled, "-n", "3", "-s", "random")
    alkit("classes", "rename", "red", "crimson", "-c", labeled)
    alkit("remove", "blue/00.png", "-c", labeled)
    before = contents(labeled)
    said = alkit(
        "fork", "second", "-c", labeled, "--image-size", "16", "-t", "epochs=3", "--strategy", "coreset"
    )
    assert "60 images, 3 classes, 12 of 12 labeled images" in said.out
    assert contents(labeled) == before, "the first campaign is only read"
    with Campaign(labeled) as first, Campaign("second") as second:
        assert second.settings.image_shape == (3, 16, 16)
        assert second.settings.task.options["epochs"] == 3
        assert second.settings.strategy.name == "coreset"
        assert second.settings.seed == first.settings.seed == 7
        assert second.state.records == first.state.records
        assert second.pool.labeled.tolist() == first.pool.labeled.tolist()
        assert second.pool.values == first.pool.values
        assert second.classes == ["blue", "green", "crimson"] == list(first.classes)
        assert second.pool.removed == first.pool.removed
        assert not second.queries
        kept = [(row.index, row.answer) for row in second.ledger.answers()]
        assert kept == [(row.index, row.answer) for row in first.state.counted]
    assert "on 12 labels" in alkit("train", "-c", "second").out


def test_its_test_set_comes_along_or_is_another(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=4)
    make_pictures(here / "tests", each=2, seed=4)
    make_pictures(here / "others", each=3, seed=5)
    alkit("init", "camp", "--pool", "pool", "--test", "tests")
    alkit("classes", "rename", "red", "crimson", "-c", "camp")
    for name, words, count in (("same", [], 6), ("other", ["--test", "others"], 9)):
        alkit("fork", name, "-c", "camp", "--image-size", "8", *words)
        with Campaign(name) as campaign:
            tested = campaign.resources.test_images(campaign.ledger, campaign.state)
            assert tested is not None
            assert len(tested.indices) == count
            assert set(tested.values) == {"blue", "green", "crimson" if name == "same" else "red"}
            assert set(tested.values) <= set(campaign.classes)


def test_renamed_moved_and_lost_images(alkit: Alkit, here: Path, make_pictures: Callable[..., Path]) -> None:
    pool = make_pictures(here / "pool", each=4)
    (here / "known.csv").write_text("image,label\nblue/00.png,blue\nred/01.png,red\n")
    alkit("init", "camp", "--pool", "pool", "--labels", "known.csv")
    (pool / "red" / "01.png").rename(pool / "red" / "new.png")
    shutil.move(here / "pool", here / "elsewhere")
    alkit("update", "-c", "camp", "--pool", "elsewhere")
    (here / "elsewhere" / "blue" / "00.png").unlink()
    alkit("fork", "second", "-c", "camp")
    with Campaign("second") as second:
        assert second.settings.pool.location == str(here / "elsewhere")
        labeled = {
            second.state.keys[i]: v for i, v in zip(second.pool.labeled, second.pool.values, strict=True)
        }
        assert labeled == {"red/new.png": "red"}
        assert second.pool.lost.tolist() == [0]


def test_labels_of_any_network_are_taken_over_by_an_encoder(alkit: Alkit, labeled: Path, here: Path) -> None:
    encoder = f"file:{Path(__file__).parents[3] / 'plugins' / 'encoders' / 'means.py'}:make"
    alkit("fork", "encoded", "-c", labeled, "--encoder", encoder, "-s", "uherding")
    with Campaign(labeled) as first, Campaign("encoded") as second:
        assert (second.settings.task.name, second.settings.strategy.name) == ("encoded", "uherding")
        assert second.settings.task.options["encoder"] == encoder
        assert second.pool.values == first.pool.values


def test_it_takes_no_place_that_is_taken(alkit_ends: Alkit, labeled: Path) -> None:
    said = alkit_ends("fork", labeled, "-c", labeled)
    assert said.code == 1 and "already holds a campaign" in said.error
    said = alkit_ends("fork", labeled.parent / "second", "-c", labeled, "--model", "nonet")
    assert said.code == 2
    assert not (labeled.parent / "second").exists()


def test_a_moved_pool_is_named_with_what_to_do(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    alkit("init", "first", "--pool", make_pictures(here / "pool", each=1))
    (here / "pool").rename(here / "moved")
    said = alkit_ends("fork", "second", "-c", "first")
    assert said.code == 1
    assert "run 'alkit update --campaign first --pool NEW'" in said.err and "data set" not in said.err
