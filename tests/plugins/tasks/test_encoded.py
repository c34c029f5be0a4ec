"""Tests of classification on the features of an encoder, from the head to a campaign."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import alkit
from alkit import Campaign
from alkit.campaign.create import create
from alkit.campaign.report.embedding_map import find_places
from alkit.data import EncoderInput, features
from alkit.data.preprocessing import unread_records
from alkit.errors import InvalidOption
from alkit.plugin.sources import open_source

MEANS = Path(__file__).parents[1] / "encoders" / "means.py"


@pytest.fixture
def encoder() -> str:
    return f"file:{MEANS}:make"


@pytest.fixture
def photos(tmp_path: Path, pictures: Path) -> Path:
    """Pictures that a test may change."""
    return shutil.copytree(pictures, tmp_path / "photos")


@pytest.fixture
def campaign(tmp_path: Path, photos: Path, encoder: str) -> Campaign:
    return create(
        tmp_path / "c",
        str(photos),
        task="encoded",
        task_options={"encoder": encoder},
        oracle="dataset",
        test=str(photos),
    )


def test_what_the_encoder_reads_is_said(campaign: Campaign) -> None:
    with campaign:
        assert "the encoder reads the original files" in campaign.overview["image_size"]["reason"]
        assert "proposed_encoder" not in campaign.overview


def features_of(campaign: Campaign) -> np.ndarray:
    images = campaign.resources.encoded_images(campaign.state)
    assert images.features is not None
    return np.array(images.features)


def test_the_linear_head_is_scikit_learns_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    from alkit_plugins.tasks.linear_head import fit_linear

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 12)).astype(np.float32)
    targets = rng.integers(0, 3, 60)
    for strength in (0.1, 1.0):
        known = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(rows, targets)
        linear = nn.Linear(12, 3)
        fit_linear(linear, torch.from_numpy(rows), torch.from_numpy(targets), strength=strength)
        outputs = linear(torch.from_numpy(rows)).softmax(1).detach().numpy()
        np.testing.assert_allclose(outputs, known.predict_proba(rows), atol=2e-4)


def test_a_campaign_asks_trains_predicts_and_is_mapped(campaign: Campaign, pictures: Path) -> None:
    with campaign:
        campaign.run(campaign.oracle("dataset"), cycles=2, n=6, strategy="margin")
        assert campaign.curve()[-1][1] == 1.0
        assert campaign.history()[-1].record["solver"] == "solved for the best linear head"
        found = campaign.predict(pictures)
        assert [image.label for image in found] == [image.path.split("/")[0] for image in found]
    with Campaign(campaign.directory) as again:  # which has read no features yet
        assert len(find_places(again, None, "pca").groups["labeled"]) == 18


def test_a_first_random_query_waits_for_no_features(campaign: Campaign) -> None:
    with campaign:
        campaign.ask(4, strategy="random")
        assert not list((campaign.directory / "cache").glob("features-*"))


def test_features_are_computed_once_and_a_new_class_needs_no_more(campaign: Campaign, encoder: str) -> None:
    with campaign:
        first = features_of(campaign)
        (path,) = (campaign.directory / "cache").glob("features-pool-*.f32")
        stamp = path.stat().st_mtime_ns
        campaign.tell({0: "purple"}, allow_new_classes=True)
    with Campaign(campaign.directory) as again:
        assert (features_of(again) == first).all()
        assert path.stat().st_mtime_ns == stamp


def test_a_changed_encoder_gets_a_new_head(tmp_path: Path, photos: Path) -> None:
    code = tmp_path / "means.py"
    code.write_text(MEANS.read_text())
    options = {"encoder": f"file:{code}:make"}
    create(tmp_path / "c", str(photos), task="encoded", task_options=options, oracle="dataset").close()
    with Campaign(tmp_path / "c") as campaign:
        campaign.ask(20, strategy="random")
        campaign.consult(campaign.oracle("dataset"))
        first = campaign.train()
        assert campaign.train().reused
    code.write_text(code.read_text().replace("images.mean((2, 3))", "-images.mean((2, 3))"))
    with Campaign(tmp_path / "c") as campaign:
        found = campaign.predict(photos)
        assert [image.label for image in found] == [image.path.split("/")[0] for image in found]
        again = campaign.train()
        assert again.reused and again.trained.fingerprint != first.trained.fingerprint


def test_damaged_features_are_computed_again(campaign: Campaign) -> None:
    with campaign:
        first = features_of(campaign)
    (path,) = (campaign.directory / "cache").glob("features-pool-*.f32")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with Campaign(campaign.directory) as again:
        assert (features_of(again) == first).all()


def test_an_interrupted_encoding_goes_on(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.data.features.ROWS", 7)
    monkeypatch.setattr("alkit.data.features.BLOCKS_BETWEEN_SAVES", 1)
    embedded = features._embedded

    def cut(*arguments: object) -> object:
        with contextlib.closing(embedded(*arguments)) as blocks:  # type: ignore[arg-type]
            for number, block in enumerate(blocks):
                if number == 3:
                    raise KeyboardInterrupt
                yield block

    with campaign:
        monkeypatch.setattr(features, "_embedded", cut)
        with pytest.raises(KeyboardInterrupt):
            features_of(campaign)
        left = []

        def noted(source: object, records: list[object], *rest: object) -> object:
            left.append(len(records))
            return embedded(source, records, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(features, "_embedded", noted)
        found = features_of(campaign)
    assert left == [campaign.pool.size - 21]
    assert np.abs(found).sum(axis=1).all()


def test_features_that_are_not_finite_are_refused_and_good_blocks_kept(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "ROWS", 16)
    monkeypatch.setattr("alkit.data.checksums.ROWS", 16)
    source = open_source(str(pictures))
    records, blocks = unread_records(source.keys()), []
    encoder_input = EncoderInput(size=(16, 16), mean=(0.5,) * 3, std=(0.5,) * 3)

    def embed(images: torch.Tensor) -> torch.Tensor:
        found = images.mean((2, 3))
        blocks.append(found)
        if len(blocks) == 2:
            found[3, 1] = float("nan")
        return found

    def encode() -> np.ndarray:
        return features.ensure_features(tmp_path / "f.f32", source, records, encoder="mine", dim=3,
                                        encoder_input=encoder_input, open_embed=lambda: embed)  # fmt: skip

    with pytest.raises(
        InvalidOption, match=f"'mine' returns features of '{re.escape(records[19].key)}' that are not finite"
    ):
        encode()
    assert (tmp_path / "f.f32").stat().st_size == 16 * 3 * 4
    assert np.isfinite(encode()).all()
    assert sum(len(block) for block in blocks) == len(records) + 16


def test_new_images_are_encoded_alone(campaign: Campaign, photos: Path) -> None:
    from PIL import Image

    with campaign:
        before = features_of(campaign)
        Image.new("RGB", (16, 16), (9, 9, 9)).save(photos / "red" / "zz.png")
        campaign.update()
        after = features_of(campaign)
        assert len(after) == len(before) + 1
        assert (after[: len(before)] == before).all()


def test_strategies_with_companions_get_the_same_head(campaign: Campaign) -> None:
    heads = []
    with campaign:
        campaign.tell({index: campaign.state.keys[index].split("/")[0] for index in range(0, 60, 4)},
                      allow_new_classes=True)  # fmt: skip
        for strategy in ("margin", "learning-loss", "badge"):
            campaign.ask(3, strategy=strategy, control=0.0)
            (trained,) = [e.data for e in campaign.ledger.events(alkit.campaign.record.events.Trained)][-1:]
            kept = torch.load(campaign.directory / str(trained.checkpoint), weights_only=True)["network"]
            heads.append(kept)
    for name in heads[0]:
        for other in heads[1:]:
            torch.testing.assert_close(other[name], heads[0][name], atol=1e-4, rtol=1e-3)


def test_no_encoder_is_one_sentence(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(InvalidOption, match="task 'encoded' needs an encoder"):
        create(tmp_path / "c", str(pictures), task="encoded")


def test_features_in_half_precision_take_half_the_space(
    campaign: Campaign, tmp_path: Path, photos: Path, encoder: str
) -> None:
    options = {"encoder": encoder, "feature_precision": "float16"}
    half = create(tmp_path / "half", str(photos), task="encoded", task_options=options, oracle="dataset")
    with campaign, half:
        for one in (campaign, half):
            one.ask(8, strategy="margin")
        of_both = [one.predict(photos, probabilities=True) for one in (campaign, half)]
        for first, second in zip(*of_both, strict=True):
            assert first.label == second.label
            assert first.probabilities == pytest.approx(second.probabilities, abs=0.005)
        rows = features_of(half)
        assert rows.dtype == np.float16
        np.testing.assert_allclose(rows, features_of(campaign), rtol=1e-3, atol=1e-6)
        (path,) = (half.directory / "cache").glob("features-pool-*.f16")
        (whole,) = (campaign.directory / "cache").glob("features-pool-*.f32")
        assert 2 * path.stat().st_size == whole.stat().st_size
        stamp = path.stat().st_mtime_ns
    with Campaign(half.directory) as again:
        assert (features_of(again) == rows).all()
        assert path.stat().st_mtime_ns == stamp


def test_features_beyond_half_precision_become_its_largest_number(tmp_path: Path) -> None:
    path = features.features_path(tmp_path, "pool", "0123", "float16")
    with features._Rows(path, 2, 0) as rows:
        rows.append(np.array([[1e9, -1e9]], dtype=np.float32))
    assert features.mapped_features(path, 1, 2).tolist() == [[65504.0, -65504.0]]


def test_a_model_on_an_encoder_predicts_without_the_pool(campaign: Campaign, photos: Path) -> None:
    """What it takes is the encoder's own; neither the pool nor its cache is looked for."""
    with campaign:
        campaign.ask(12, strategy="random")
        campaign.consult(campaign.oracle())
        campaign.train()
        new = photos / "red"
        before = campaign.predict(new)
        shutil.copytree(new, photos.parent / "new")
        shutil.rmtree(photos)
        shutil.rmtree(campaign.directory / "cache")
        after = campaign.predict(photos.parent / "new")
        assert [(image.label, image.confidence) for image in after] == [
            (image.label, image.confidence) for image in before
        ]
        assert not (campaign.directory / "cache").exists()
