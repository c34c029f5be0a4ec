"""`alkit update`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


def test_new_broken_copied_and_missing_images(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", pool)
    assert alkit("update", "-c", "camp").out == "0 images added, 0 of them unusable, 0 exact copies\n"
    (pool / "blue" / "02.png").unlink()
    (pool / "blue" / "bad.png").touch()
    shutil.copy(pool / "red" / "00.png", pool / "green" / "copy.png")
    make_pictures(here / "more", each=1, seed=5)
    shutil.copy(here / "more" / "red" / "00.png", pool / "red" / "new.png")
    assert alkit("update", "-c", "camp").out.splitlines() == [
        "3 images added, 1 of them unusable, 1 exact copy",
        "unusable: 'blue/bad.png': empty file",
        "warning: 1 image is missing, such as 'blue/02.png'",
    ]
    report = alkit("update", "-c", "camp", "--json", "-q").json
    assert (report["added"], report["missing"]) == (0, ["blue/02.png"])
    status = alkit("status", "-c", "camp", "--json").json
    assert (status["images"], status["candidates"]) == (12, 10)


def test_a_pool_that_is_gone_is_one_sentence(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=2)
    alkit("init", "camp", "--pool", "pool")
    shutil.rmtree(here / "pool")
    said = alkit_ends("update", "-c", "camp")
    assert said.code == 1
    assert "there is no folder or file" in said.error


def test_images_that_are_back_are_said(alkit: Alkit, here: Path, make_pictures: Callable[..., Path]) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", pool)
    (pool / "blue").rename(here / "blue")
    (here / "camp" / "cache" / "pool.u8").unlink()
    alkit("query", "-c", "camp", "-n", "2", "-s", "random")
    (here / "blue").rename(pool / "blue")
    assert alkit("update", "-c", "camp").out.splitlines()[1] == "3 images that were missing are back"


def labeled(alkit: Alkit, campaign: str) -> dict[str, str]:
    """The label of each image under its present name."""
    with Campaign(campaign) as opened:
        pairs = zip(opened.pool.labeled.tolist(), opened.pool.values, strict=True)
        return {opened.state.keys[index]: value for index, value in pairs}


def test_a_pool_that_moved_is_found_by_content(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=3)
    (here / "known.csv").write_text("image,label\nblue/00.png,blue\nred/01.png,red\n")
    alkit("init", "camp", "--pool", "pool", "--labels", "known.csv", "-t", "epochs=1")
    (here / "pool").rename(here / "elsewhere")
    (here / "camp" / "cache" / "pool.u8").unlink()
    said = alkit_ends("query", "-c", "camp", "-n", "2")
    assert said.code == 1
    assert "alkit update --campaign camp --pool NEW" in said.error
    said = alkit("update", "-c", "camp", "--pool", "elsewhere")
    assert said.out.startswith(f"the pool is {here / 'elsewhere'} from now on\n0 images added")
    assert labeled(alkit, "camp") == {"blue/00.png": "blue", "red/01.png": "red"}
    assert alkit("status", "-c", "camp", "--json").json["pool"] == str(here / "elsewhere")
    assert alkit("query", "-c", "camp", "--pool", "elsewhere", "-n", "2", "--json").json["open"]
    assert (here / "camp" / "cache" / "pool.u8").exists()


def test_another_folder_is_not_the_pool(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=3)
    make_pictures(here / "other", each=3, seed=5)
    alkit("init", "camp", "--pool", "pool")
    before = (here / "camp" / "campaign.toml").read_bytes()
    said = alkit_ends("update", "-c", "camp", "--pool", "other")
    assert said.code == 1
    assert "holds only 0 of the 9 images" in said.error and "nothing is changed" in said.error
    assert alkit("status", "-c", "camp", "--json").json["pool"] == str(here / "pool")
    assert (here / "camp" / "campaign.toml").read_bytes() == before


def test_renamed_images_keep_index_and_label(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    (here / "known.csv").write_text("image,label\nblue/00.png,blue\nblue/01.png,green\n")
    alkit("init", "camp", "--pool", "pool", "--labels", "known.csv")
    (pool / "blue" / "01.png").rename(pool / "blue" / "02b.png")
    (pool / "blue" / "00.png").rename(pool / "blue" / "01.png")
    make_pictures(here / "more", each=1, seed=5)
    shutil.copy(here / "more" / "red" / "00.png", pool / "blue" / "00.png")
    report = alkit("update", "-c", "camp", "--json").json
    assert report["renamed"] == [
        {"index": 0, "image": "blue/01.png"},
        {"index": 1, "image": "blue/02b.png"},
    ]
    assert (report["added"], report["missing"], report["changed"]) == (1, [], [])
    assert labeled(alkit, "camp") == {"blue/01.png": "blue", "blue/02b.png": "green"}
    with Campaign("camp") as campaign:
        assert campaign.state.keys[9] == "blue/00.png"
        assert campaign.source.load("blue/00.png")[0] == campaign.state.records[9].hash
    assert alkit("update", "-c", "camp", "--json").json["renamed"] == []
    # A name that two images have had is refused; a name that only one has had still means that image.
    (here / "late.csv").write_text("image,label\nblue/00.png,green\n")
    said = alkit_ends("ingest", "-c", "camp", "late.csv")
    assert said.code == 1
    assert "was the name of image 0 before" in said.err


def test_a_list_written_before_a_rename_can_be_ingested(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path], fill_in: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", "pool", "--classes", "blue,green,red")
    query = alkit("query", "-c", "camp", "-n", "3", "-s", "random", "--json").json
    for image in pool.glob("*/*.png"):
        image.rename(image.with_name(f"photo-{image.name}"))
    alkit("update", "-c", "camp")
    answers = fill_in(here / "camp" / "queries" / "001.csv", here / "answers.csv")
    said = alkit("ingest", "-c", "camp", answers, "--json").json
    assert (said["accepted"], said["still_open"]) == (3, 0)
    assert all(key.split("/")[0] == label for key, label in labeled(alkit, "camp").items())
    with Campaign("camp") as campaign:
        assert set(campaign.pool.labeled.tolist()) == {pick["index"] for pick in query["picks"]}


def test_changed_files_are_said_when_all_are_checked(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", "pool")
    (pool / "blue" / "00.png").write_bytes((pool / "red" / "00.png").read_bytes())
    assert alkit("update", "-c", "camp", "--json").json["changed"] == []
    report = alkit("update", "-c", "camp", "--check", "--json").json
    assert (report["changed"], report["added"]) == (["blue/00.png"], 0)
    assert "other content" in alkit("update", "-c", "camp", "--check").out


def test_a_test_set_later_and_another_one(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=6)
    make_pictures(here / "tests", each=2, seed=4)
    make_pictures(here / "others", each=3, seed=5, colors=("blue", "green", "red"))
    lines = [f"{color}/{number:02d}.png,{color}" for color in ("blue", "green") for number in range(4)]
    (here / "known.csv").write_text("\n".join(["image,label", *lines]))
    alkit("init", "camp", "--pool", "pool", "--labels", "known.csv", "-t", "epochs=1")
    assert alkit("train", "-c", "camp", "--json").json["metrics"] == {}
    report = alkit("update", "-c", "camp", "--test", "tests", "--json").json
    assert (report["images"], report["same_images"], report["new_classes"]) == (6, False, ["red"])
    assert alkit("train", "-c", "camp", "--json").json["metrics"]["accuracy"] >= 0
    shutil.move(here / "tests", here / "moved")
    said = alkit("update", "-c", "camp", "--test", "moved")
    assert "6 images, the same as before" in said.out
    with Campaign("camp") as campaign:
        assert campaign.history()[-1].metrics
        assert [path.name for path in (here / "camp" / "cache").glob("test*.u8")] == [
            Path(campaign.state.test_set.cache).name  # type: ignore[union-attr]
        ]
    alkit("update", "-c", "camp", "--test", "others")
    with Campaign("camp") as campaign:
        assert not campaign.history()[-1].metrics, "measured on other images"
    alkit("train", "-c", "camp")
    (here / "camp" / "cache" / Path(campaign.state.test_set.cache).name).unlink()  # type: ignore[union-attr]
    with Campaign("camp") as campaign:
        assert campaign.history()[-1].metrics
        tested = campaign.resources.test_images(campaign.ledger, campaign.state)
        assert tested is not None and len(tested.indices) == 9


def test_test_images_need_labels(
    alkit_ends: Alkit, labeled: Path, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "one", each=2, colors=("blue",))
    said = alkit_ends("update", "-c", labeled, "--test", "one")
    assert said.code == 1 and "have no labels" in said.error
    assert alkit_ends("update", "-c", labeled, "--test", "one", "--check").code == 2


def test_test_images_among_the_new_ones_are_said(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    tested = make_pictures(here / "tested", each=2, seed=1)
    assert "test results" not in alkit("init", "camp", "--pool", pool, "--test", tested).err
    shutil.copy(tested / "red" / "00.png", pool / "red" / "new.png")
    said = alkit("update", "-c", "camp")
    assert said.out.startswith("1 image added")
    assert "warning: 1 test image is an exact copy of pool images; test results look too good" in said.err
    assert "test results" not in alkit("update", "-c", "camp").err
