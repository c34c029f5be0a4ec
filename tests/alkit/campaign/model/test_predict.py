"""Predictions on images of any origin: equal to the campaign's own, resumable, whole or not at all."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.model import predict as module
from alkit.campaign.model import predict_elsewhere
from alkit.campaign.model.predict import open_images, predict_to
from alkit.campaign.model.predictions import PredictedImage, Predictions
from alkit.campaign.model.trained import usable_model
from alkit.campaign.record.events import Trained
from alkit.errors import SourceError, TrainingError, UsageError

Alkit = Callable[..., Any]


class Killed(BaseException):
    """Stands for a kill."""


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predictions_on_the_pool_are_the_campaigns_own(labeled: Path, pictures: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(20, strategy="margin")
        found = campaign.predict(pictures, batch_size=7)
        assert len(found) == 60
        by_path = {image.path: image for image in found}
        for pick in query.picks:
            assert by_path[pick.image].label == pick.predicted
            assert by_path[pick.image].confidence == pytest.approx(pick.confidence, abs=2e-6)
        assert len(campaign.ledger.events(Trained)) == 1


def test_the_model_is_applied_with_the_threads_of_the_campaign(labeled: Path) -> None:
    before = torch.get_num_threads()
    settings = labeled / "campaign.toml"
    text = re.sub(r"(?m)^threads = \d+$", f"threads = {before + 1}", settings.read_text())
    settings.write_text(text)
    with Campaign(labeled) as campaign:
        assert campaign.settings.threads == before + 1
        model = usable_model(campaign)
    large = replace(model, preprocessing=replace(model.preprocessing, shape=(3, 64, 64)))
    with large.applied():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_pool_that_has_grown_since_changes_no_prediction(
    tmp_path: Path, make_pictures: Callable[..., Path]
) -> None:
    """Neither its pixels, which the images were normalized by, nor its classes belong to the model."""
    pool = make_pictures(tmp_path / "pool", seed=3)
    with create(
        tmp_path / "mine", str(pool), classes=["blue", "green", "red"], task_options={"epochs": 2}
    ) as mine:
        mine.tell({f"{color}/{number:02d}.png": color for color in ("blue", "red") for number in range(4)})
        before = mine.predict(pool, probabilities=True)
        for number in range(30):
            Image.fromarray(np.full((12, 12, 3), 250, np.uint8)).save(pool / "red" / f"w{number}.png")
            Image.fromarray(np.full((12, 12, 3), number, np.uint8)).save(pool / "red" / f"b{number}.png")
        mine.update()
        mine.tell({"green/00.png": "teal"}, allow_new_classes=True)
        after = mine.predict([pool / image.path for image in before], probabilities=True)
        assert [image.probabilities for image in after] == [image.probabilities for image in before]
        assert after.classes == ("blue", "green", "red")
        retrained = mine.train()
        assert retrained.labels == 9
        assert mine.predict(pool).classes == ("blue", "green", "red", "teal")


def test_it_trains_if_there_is_no_model_and_again_if_its_file_is_gone(labeled: Path, pictures: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.predict(pictures)
        (trained,) = campaign.ledger.events(Trained)
        (labeled / str(trained.data.checkpoint)).unlink()
        assert campaign.predict(pictures).as_dict() == first.as_dict()
        assert len(campaign.ledger.events(Trained)) == 1, "the same training is recorded once"


def test_without_labels_there_is_no_model(campaign: Path, pictures: Path) -> None:
    with Campaign(campaign) as opened, pytest.raises(TrainingError, match="nothing is labeled yet"):
        opened.predict(pictures)


def test_every_way_to_name_images(labeled: Path, pictures: Path, tmp_path: Path) -> None:
    picture = pictures / "red" / "05.png"
    listed = tmp_path / "list.txt"
    shutil.copy(picture, tmp_path / "here.png")
    listed.write_text(f"here.png\n\n{picture}\nnowhere.png\n")
    pixels = np.asarray(Image.open(picture))[None]
    with Campaign(labeled) as campaign:
        alone = campaign.predict(picture)[0]
        for images in ([picture], pixels, open_images(picture), str(picture)):
            (same,) = campaign.predict(images)
            assert (same.label, same.confidence) == (alone.label, alone.confidence)
        from_list = campaign.predict(listed)
    assert [image.path for image in from_list] == ["here.png", str(picture), "nowhere.png"]
    assert [image.label for image in from_list] == [alone.label, alone.label, None]
    assert from_list[2].error == "no such file"


def test_a_list_that_names_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(SourceError, match="names no images"):
        open_images(tmp_path / "list.txt")
    with pytest.raises(SourceError, match="names no images"):
        open_images([])
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SourceError, match="not UTF-8"):
        open_images(tmp_path / "list.txt")


def test_results_print_in_a_line() -> None:
    found = Predictions(
        [
            PredictedImage(path="a", label="owl", confidence=0.5),
            PredictedImage(path="b", label="gull", confidence=0.9),
            PredictedImage(path="c", label="owl", confidence=0.7),
            PredictedImage(path="d", error="empty file"),
        ],
        ("gull", "owl"),
    )
    assert repr(found) == "<Predictions of 4 images: owl 2, gull 1; 1 unreadable>"
    assert repr(found[:1]) == "<Predictions of 1 image: owl 1>"
    assert found.as_dict() == {"a": "owl", "b": "gull", "c": "owl"}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("torn", [False, True])
def test_a_killed_run_continues_where_it_stopped(
    labeled: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, torn: bool
) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"found{suffix}"
    partial = path.with_name(f"{path.name}.partial")
    with Campaign(labeled) as campaign:
        source = open_images(pictures)
        predict_to(campaign, source, whole, batch_size=8, probabilities=True)
        original, calls = module._predictions, []

        def dying(*given: Any, **options: Any) -> Any:
            calls.append(given)
            if len(calls) == 4:
                raise Killed
            return original(*given, **options)

        monkeypatch.setattr(module, "_predictions", dying)
        with pytest.raises(Killed):
            predict_to(campaign, source, path, batch_size=8, probabilities=True)
        assert not path.exists()
        assert len(partial.read_text().splitlines()) == 1 + 24
        if torn:
            partial.write_bytes(partial.read_bytes()[:-5])
        calls[:] = []
        monkeypatch.setattr(
            module,
            "_predictions",
            lambda *given, **options: (calls.append(given), original(*given, **options))[1],
        )
        result = predict_to(campaign, source, path, batch_size=8, probabilities=True)
    assert (result.resumed, result.images) == (23 if torn else 24, 60)
    assert sum(len(images) for _, images in calls) == 60 - result.resumed
    assert path.read_text().splitlines()[:24] == whole.read_text().splitlines()[:24]
    assert [line.split(",")[:2] for line in path.read_text().splitlines()] == [
        line.split(",")[:2] for line in whole.read_text().splitlines()
    ]
    assert not partial.exists()
    assert [child.name for child in tmp_path.glob("*.tmp")] == []


def test_another_model_does_not_continue_what_an_earlier_one_began(
    labeled: Path, pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "found.csv"
    with Campaign(labeled) as campaign:
        source = open_images(pictures)
        path.with_name("found.csv.partial").write_text('{"predictions": "of another model"}\n{"path": "x"}\n')
        assert predict_to(campaign, source, path).resumed == 0
    assert len(rows(path)) == 60


def test_unreadable_images_are_rows_with_the_reason(labeled: Path, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(pictures / "red", folder)
    (folder / "03.png").write_bytes(b"")
    (folder / "99.jpg").write_text("not an image")
    with Campaign(labeled) as campaign:
        result = predict_to(
            campaign, open_images(folder), tmp_path / "p.csv", batch_size=2, probabilities=True
        )
    assert [path for path, _ in result.unreadable] == ["03.png", "99.jpg"]
    written = {row["path"]: row for row in rows(tmp_path / "p.csv")}
    assert len(written) == 21
    assert (written["03.png"]["class"], written["03.png"]["error"]) == ("", "empty file")
    assert written["03.png"]["p_red"] == ""
    fine = written["04.png"]
    shares = [float(fine[f"p_{color}"]) for color in ("blue", "green", "red")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert float(fine["confidence"]) == max(shares)
    assert fine["error"] == ""


def test_parquet_holds_the_same(labeled: Path, pictures: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    (tmp_path / "list.txt").write_text("\n".join([*map(str, sorted(pictures.glob("*/0*.png"))), "none.png"]))
    with Campaign(labeled) as campaign:
        for suffix in ("parquet", "jsonl"):
            source = open_images(tmp_path / "list.txt")
            predict_to(campaign, source, tmp_path / f"p.{suffix}", probabilities=True)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    table = parquet.read_table(tmp_path / "p.parquet").to_pylist()
    assert len(table) == len(lines) == 31
    for row, line in zip(table, lines, strict=True):
        flat = {f"p_{name}": value for name, value in line.pop("probabilities", {}).items()}
        assert {key: value for key, value in row.items() if value is not None} == {
            key: value for key, value in (line | flat).items() if value is not None
        }


def test_nothing_is_overwritten_unless_asked(labeled: Path, pictures: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("mine")
    with Campaign(labeled) as campaign:
        source = open_images(pictures)
        with pytest.raises(UsageError, match="already exists; overwrite it with --force"):
            predict_to(campaign, source, path)
        with pytest.raises(UsageError, match=r"should end with \.csv, \.jsonl, \.parquet"):
            predict_to(campaign, source, tmp_path / "p.txt")
        with pytest.raises(UsageError, match="there is no folder"):
            predict_to(campaign, source, tmp_path / "nowhere" / "p.csv")
        assert not campaign.history(), "refused before anything is trained"
        assert path.read_text() == "mine"
        predict_to(campaign, source, path, force=True)
    assert len(rows(path)) == 60


@pytest.mark.parametrize("executor", ["local", pytest.param("processes", marks=pytest.mark.slow)])
def test_an_executor_predicts_the_same_file(
    executor: str, labeled: Path, pictures: Path, tmp_path: Path, alkit: Alkit, alkit_ends: Alkit
) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    words = ("-c", labeled, "--probabilities", "--batch-size", "7")
    alkit("predict", pictures, "--out", here, *words)
    said = alkit("predict", pictures, "--out", there, *words, "--executor", executor)
    assert f"3 blocks of images to predict for '{executor}'" in said.err
    assert there.read_bytes() == here.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*here*")) == ["here.csv", "there.csv"]
    refused = alkit_ends("predict", "-", "--out", tmp_path / "x.csv", *words, "--executor", executor)
    assert "standard input" in refused.error


def test_blocks_of_a_killed_executor_are_used_again(
    labeled: Path, pictures: Path, tmp_path: Path, alkit: Alkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (pictures, "-c", labeled, "--batch-size", "7", "--executor", "local", "--out", tmp_path / "p.csv")
    predict, done = predict_elsewhere.predict, []

    def killed(job: predict_elsewhere.PredictJob) -> None:
        if done:
            raise Killed
        predict(job)
        done.append(job)

    monkeypatch.setattr(predict_elsewhere, "predict", killed)
    with pytest.raises(Killed):
        alkit("predict", *words)
    monkeypatch.undo()
    assert "2 blocks of images to predict" in alkit("predict", *words).err
