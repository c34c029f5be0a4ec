"""`alkit init`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_it_says_what_to_type_next(alkit: Alkit, here: Path, pictures: Path) -> None:
    said = alkit("init", "camp", "--pool", pictures)
    assert said.out == ("campaign       camp\nnext           alkit query --campaign camp --budget 50\n")
    assert "pool: 60 images as 12 x 12, color; 0 unusable, 0 exact copies" in said.err
    assert alkit("init", "quiet", "--pool", pictures, "-q").err == ""


def test_a_next_command_can_be_pasted(alkit: Alkit, here: Path, pictures: Path) -> None:
    said = alkit("init", "two words", "--pool", pictures)
    assert "--campaign 'two words'" in said.out


def test_every_decision_is_written_down(alkit: Alkit, here: Path, pictures: Path) -> None:
    (here / "known.csv").write_text("image,label\nred/00.png,red\nblue/00.png,blue\n")
    words = (
        "--labels known.csv --classes blue,red --task classification --model small-cnn -t epochs=3 --oracle "
    )
    words += (
        "dataset --oracle-option noise=0.1 --image-size 10x14 --channels 1 --seed 9 --device cpu -s coreset"
    )
    status = alkit("init", "camp", "--pool", pictures, "--test", pictures, *words.split(), "--json").json
    assert status["images"] == 60
    assert status["labeled"] == 2
    assert status["classes"] == {"blue": 1, "red": 1, "green": 0}
    assert status["task"]["options"] == {"model": "small-cnn", "epochs": 3}
    assert status["strategy"]["name"] == "coreset"
    text = (here / "camp" / "campaign.toml").read_text()
    for line in ("seed = 9", "noise = 0.1", "epochs = 3", 'name = "dataset"', "format = 1"):
        assert line in text


def test_a_file_of_images_that_cannot_be_used_is_listed(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=2)
    (here / "pool" / "red" / "zero.png").touch()
    said = alkit("init", "camp", "--pool", "pool")
    assert "1 unusable" in said.err
    assert "'red/zero.png': empty file" in said.err
    assert "'red/zero.png': empty file" in alkit("status", "-c", "camp", "--images").out
    assert "'red/zero.png'" not in alkit("query", "-c", "camp", "-n", "6", "-s", "random").out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--pool nowhere", 1, "there is no folder or file 'nowhere'"),
        ("--pool empty", 1, "holds no images"),
        ("--pool junk", 1, "none of the 1 images"),
        ("--pool {pool} --labels nope.csv", 1, "there is no file nope.csv"),
        (
            "--pool {pool} --labels strange.csv",
            1,
            "line 2 of strange.csv: 'moon.png' is not an image of this pool",
        ),
        ("--pool {pool} --image-size 3", 2, "--image-size should be between 4 and 4096 pixels, not 3"),
        ("--pool {pool} --image-size big", 2, "--image-size should be like 64 or 48x64, not 'big'"),
        ("--pool {pool} --image-size 1x2x3", 2, "should be like 64 or 48x64"),
        ("--pool {pool} --strategy entropi", 2, "did you mean 'entropy'?"),
        (
            "--pool {pool} --strategy coreset -o metrik=cosine",
            2,
            "has no option 'metrik'; choose from metric",
        ),
        ("--pool {pool} -t epochs", 2, "'epochs' should have the form key=value"),
        ("--pool {pool} -t epochs=1 -t epochs=2", 2, "given twice"),
        ("--pool {pool} -t epochs=soon", 2, "should be int|none, not 'soon'"),
        ("--pool {pool} --model nonet", 2, "nonet"),
        ("--pool {pool} --oracle file", 2, "--oracle-option path="),
        ("--pool {pool} --device warp", 2, "there is no device 'warp' here"),
        ("--pool cifar10", 1, "cifar10"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(
    alkit_ends: Alkit,
    here: Path,
    pictures: Path,
    contents: Callable[[Path], dict[str, str]],
    words: str,
    code: int,
    message: str,
) -> None:
    (here / "empty").mkdir()
    (here / "junk").mkdir()
    (here / "junk" / "a.png").write_bytes(b"junk")
    (here / "strange.csv").write_text("image,label\nmoon.png,cheese\n")
    before = contents(here)
    said = alkit_ends("init", "camp", *words.replace("{pool}", str(pictures)).split())
    assert (said.code, said.out) == (code, "")
    assert message in said.error
    assert contents(here) == before


def test_a_campaign_is_not_made_twice(alkit_ends: Alkit, campaign: Path, pictures: Path) -> None:
    said = alkit_ends("init", campaign, "--pool", pictures)
    assert said.code == 1
    assert "already holds a campaign; use another directory" in said.error


def test_how_answers_of_several_become_one(alkit: Callable[..., Any], here: Path, pictures: Path) -> None:
    alkit("init", "camp", "--pool", pictures, "--aggregate", "weighted")
    assert alkit("status", "-c", "camp", "--json").json["aggregate"] == "weighted"
