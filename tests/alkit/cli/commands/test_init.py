"""`alkit init`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign

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


def test_it_says_what_it_made_of_the_folder(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=10)
    shutil.copy(here / "pool" / "red" / "00.png", here / "pool" / "blue" / "copy.png")
    shutil.copy(here / "pool" / "red" / "01.png", here / "cover.png")
    (here / "pool" / "notes.txt").touch()
    said = alkit("init", "camp", "--pool", "pool", "--oracle", "dataset", "--image-size", "8", "--json")
    overview = said.json["overview"]
    assert overview["classes"]["blue"] == {"images": 11, "from": "the oracle"}
    assert overview["pool"]["left_out"] == {".txt": 1}
    rows = [{"image": "blue/copy.png", "label": "blue"}, {"image": "red/00.png", "label": "red"}]
    assert overview["disputed_copies"] == [rows]
    assert "1 .txt" in said.err and "'blue/copy.png' as blue" in said.err
    shutil.move(here / "cover.png", here / "pool" / "cover.png")
    stray = alkit("init", "other", "--pool", "pool", "--json")
    assert "'cover.png' does not lie directly in one of them" in stray.err
    assert stray.json["overview"]["pool"]["outside_class_folders"] == ["cover.png"]
    for words in (["--oracle", "dataset"], ["--test", "pool"]):
        said = alkit_ends("init", "third", "--pool", "pool", *words)
        assert said.code == 1 and "because 'cover.png' does not lie directly" in said.error


def test_a_size_that_was_chosen_has_a_reason(alkit: Alkit, here: Path) -> None:
    (here / "pool").mkdir()
    for number in range(3):
        Image.new("RGB", (300 + number, 200)).save(here / "pool" / f"{number}.png")
    said = alkit("init", "camp", "--pool", "pool")
    assert "resized to 64 x 64" in said.err and "--image-size 128" in said.err
    assert "--image-size" not in alkit("init", "own", "--pool", "pool", "--image-size", "32").err


def test_twelve_bits_in_files_of_16_are_scaled(alkit: Alkit, here: Path) -> None:
    (here / "pool").mkdir()
    for number in range(4):
        Image.fromarray(np.full((8, 8), 1000 * number, np.uint16)).save(here / "pool" / f"{number}.png")
    said = alkit("init", "camp", "--pool", "pool", "--json")
    assert said.json["overview"]["values"]["chosen"] == [0, 4095]
    assert "4,095 white" in said.err
    assert "the model gets all of them, as uint16" in said.err
    rows = np.fromfile(here / "camp" / "cache" / "pool.u8", np.uint16).reshape(4, -1)
    assert rows[:, 0].tolist() == [0, 1000, 2000, 3000]
    with Campaign(here / "camp") as campaign:
        assert campaign.source.picture("3.png")[1].max() == 187
    alkit("init", "small", "--pool", "pool", "--pixel-type", "uint8")
    rows = np.fromfile(here / "small" / "cache" / "pool.u8", np.uint8).reshape(4, -1)
    assert rows[:, 0].tolist() == [0, 62, 125, 187]
    with Campaign(here / "small") as campaign:
        assert campaign.source.load("3.png")[1].max() == 187
    alkit("init", "own", "--pool", "pool", "--value-range", "0,3000", "--pixel-type", "uint8")
    assert np.fromfile(here / "own" / "cache" / "pool.u8", np.uint8).max() == 255


def test_images_that_are_nearly_black_are_said(alkit: Alkit, here: Path, pictures: Path) -> None:
    rng = np.random.default_rng(0)
    np.save("dark.npy", rng.integers(0, 16, (4, 8, 8, 3), dtype=np.uint8))
    said = alkit("init", "camp", "--pool", "dark.npy", "--json")
    assert said.json["overview"]["brightest"] == 15
    assert "no value in a sample is above 15 of 255" in said.err
    assert "brightest" not in alkit("init", "other", "--pool", pictures, "--json").json["overview"]


def test_a_folder_of_nothing_that_can_be_opened(alkit_ends: Alkit, here: Path) -> None:
    (here / "phone").mkdir()
    (here / "phone" / "a.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    said = alkit_ends("init", "camp", "--pool", "phone")
    assert said.code == 1
    assert "it holds 1 .heic" in said.error and "install pillow-heif" in said.error


def test_a_bad_file_of_labels_is_reported_before_images_are_read(
    alkit_ends: Alkit, here: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(*_: Any, **__: Any) -> None:
        raise AssertionError("images are read")

    monkeypatch.setattr("alkit.campaign.create.scan", scan)
    for line, words in (("moon.png,blue", []), ("red/00.png,crimson", ["--classes", "blue,red"])):
        (here / "known.csv").write_text(f"image,label\n{line}\n")
        said = alkit_ends("init", "camp", "--pool", pictures, "--labels", "known.csv", *words)
        assert said.code == 1 and "line 2 of known.csv" in said.error


def test_lines_that_label_copies_differently_are_said(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=2)
    shutil.copy(here / "pool" / "red" / "00.png", here / "pool" / "red" / "copy.png")
    (here / "known.csv").write_text("image,label\nred/00.png,red\nred/copy.png,blue\n")
    said = alkit("init", "camp", "--pool", "pool", "--labels", "known.csv", "--json")
    (rows,) = said.json["overview"]["disputed_labels"]
    assert {row["label"] for row in rows} == {"red", "blue"}
    assert "warning: 1 image has exact copies with another label (lines of known.csv)" in said.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--pool nowhere", 1, "there is no folder or file 'nowhere'"),
        ("--pool empty", 1, "holds no images"),
        ("--pool junk", 1, "no image in "),
        ("--pool {pool} --labels nope.csv", 1, "there is no file nope.csv"),
        (
            "--pool {pool} --labels strange.csv",
            1,
            "line 2 of strange.csv: 'moon.png' is not an image of this pool",
        ),
        ("--pool {pool} --image-size 3", 2, "--image-size should be between 4 and 4096 pixels, not 3"),
        ("--pool {pool} --image-size big", 2, "--image-size should be like 64 or 48x64, not 'big'"),
        ("--pool {pool} --image-size 1x2x3", 2, "should be like 64 or 48x64"),
        ("--pool {pool} --value-range 9,3", 2, "two ascending numbers like 0,4095"),
        ("--pool {pool} --strategy entropi", 2, "did you mean 'entropy'?"),
        (
            "--pool {pool} --strategy coreset -o metrik=cosine",
            2,
            "has no option 'metrik'; choose from metric",
        ),
        ("--pool {pool} -o metrik=cosine", 2, "'uherding' has no option 'metrik'"),
        ("--pool {pool} --oracle-option noise=0.1", 2, "name it with --oracle"),
        ("--pool {pool} --columns image=file", 2, "the table of --labels"),
        ("--pool {pool} --labels {pool}", 1, "is a folder, and only masks are read from one"),
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
    assert "already holds a campaign; use another directory, or" in said.error


def test_how_answers_of_several_become_one(alkit: Callable[..., Any], here: Path, pictures: Path) -> None:
    alkit("init", "camp", "--pool", pictures, "--aggregate", "weighted")
    assert alkit("status", "-c", "camp", "--json").json["aggregate"] == "weighted"


@pytest.mark.parametrize("flag", ["model", "encoder"])
def test_a_network_named_twice_is_refused(alkit_ends: Alkit, here: Path, pictures: Path, flag: str) -> None:
    said = alkit_ends("init", "camp", "--pool", pictures, f"--{flag}", "one", "-t", f"{flag}=two").err
    assert said == f"Error: --{flag} and -t {flag}=... name different networks; leave out one of them\n"
    assert not (here / "camp").exists()
