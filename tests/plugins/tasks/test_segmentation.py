"""Segmentation: the loss of valid pixels, metrics by hand, targets that are read once, a whole campaign."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.bench import records
from alkit.bench.protocol import parse_protocol
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.campaign.analysis.advice import suggestion
from alkit.campaign.analysis.evidence import gather
from alkit.campaign.analysis.stopping import parse
from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.export import labeled_export
from alkit.campaign.fork import fork
from alkit.campaign.ingest import find_format
from alkit.campaign.report.write import write_report
from alkit.errors import CampaignError, InvalidAnswers, InvalidOption, SourceError, TrainingError
from alkit.interfaces.labels import ImageFacts, Mask
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.given_labels import read_labels
from alkit.labeling.mask_folder import read_mask_folder
from alkit.options import build
from alkit.training.types import Output
from alkit.utils.progress import NullProgress
from alkit_plugins.formats.folders import Folders
from alkit_plugins.formats.masks import Masks
from alkit_plugins.tasks.confusion import Confusion
from alkit_plugins.tasks.segmentation import Segmentation

CLASSES = ("ground", "thing", "rare")
SIZE = (24, 32)
STRATEGIES = ("least-confidence", "bald", "mc-entropy", "coreset", "kmeans", "typiclust", "learning-loss")
STRATEGIES += ("vaal", "ta-vaal")


def scene(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image with a bright square on dark ground, and its mask with a corner of void."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    mask = np.zeros(SIZE, dtype=np.uint8)
    top, left = rng.integers(0, 14, 2)
    pixels[top : top + 10, left : left + 10] += 150
    mask[top : top + 10, left : left + 10] = 1
    mask[-3:, -3:] = 9
    return pixels, mask


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with images and masks in the splits train and test."""
    root = tmp_path_factory.mktemp("scenes")
    for split, numbers in (("train", range(20)), ("test", range(100, 106))):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True)
        for number in numbers:
            pixels, mask = scene(number)
            Image.fromarray(pixels).save(root / split / "images" / f"{number:03d}.jpg")
            Image.fromarray(mask).save(root / split / "masks" / f"{number:03d}.png")
    return root


@pytest.fixture
def known(scenes: Path, tmp_path: Path) -> Path:
    """Copy the masks of the first eight images to a folder of their own."""
    folder = tmp_path / "known"
    folder.mkdir()
    for path in sorted((scenes / "train" / "masks").iterdir())[:8]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def made(scenes: Path, known: Path, directory: Path, **details: object) -> Campaign:
    """Make a campaign in which eight images are labeled."""
    options = {"model": "tiny-unet", "epochs": 1, "void": 9, "precision": "float32"}
    given = {"task": "segmentation", "task_options": options, "classes": CLASSES, "labels": known}
    given |= {"test": str(scenes / "test" / "images"), "strategy": "entropy", **details}
    return create(directory, str(scenes / "train" / "images"), device="cpu", **given)


def masks_for(scenes: Path, images: Iterable[str]) -> dict[str, str]:
    """Return the path of the mask of each image."""
    return {image: str(scenes / "train" / "masks" / f"{Path(image).stem}.png") for image in images}


def test_a_campaign_goes_from_masks_to_the_second_query(scenes: Path, known: Path, tmp_path: Path) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        assert campaign.settings.image_shape == (3, *SIZE)
        assert campaign.status()["classes"] == {"ground": 8, "thing": 8, "rare": 0}
        assert campaign.status()["labeled"] == 8
        query = campaign.ask(4)
        report = campaign.tell(masks_for(scenes, [pick.image for pick in query.picks]))
        assert (report.accepted, report.rejected) == (4, ())
        campaign.ask(2, strategy="margin")
        metrics = campaign.history()[-1].metrics
        assert list(metrics)[:2] == ["mean_iou", "pixel_accuracy"]
        assert 0 <= metrics["mean_iou"] <= 1
        found = gather(campaign)
        assert [(point.labels, point.metric) for point in found.values] == [(8, "mean_iou"), (12, "mean_iou")]
        told = suggestion(found)
        assert told.reasons[0].startswith("The mean IoU on the test set is")
        with pytest.raises(InvalidOption, match=r"needs the metric 'accuracy'.*it has mean_iou"):
            campaign.run(campaign.oracle("dataset"), cycles=5, n=1, stop=[parse("accuracy=0.9")])


def test_a_fork_takes_masks_over_with_the_numbers_of_its_classes(
    scenes: Path, known: Path, tmp_path: Path
) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        campaign.merge_classes(["ground"], "rare")
        assert campaign.status()["classes"] == {"thing": 8, "rare": 8}
        before = labeled_export(campaign)
        with fork(tmp_path / "d", campaign, device="cpu") as other:
            assert other.status()["classes"] == {"thing": 8, "rare": 8}
            after = labeled_export(other)
            assert before.mask is not None
            assert after.mask is not None
            assert (before.mask(before.items[0]) == after.mask(after.items[0])).all()
            other.train()


def test_an_export_of_masks_is_read_back(scenes: Path, known: Path, tmp_path: Path) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        Masks().write(labeled_export(campaign), tmp_path / "export")
        back = Masks().read(tmp_path / "export")
        assert len(back.answers) == 8
        assert Image.open(back.answers[0].label).getpixel((31, 23)) == 255
        with pytest.raises(InvalidOption, match="does not carry labels of kind 'mask'"):
            Folders().carry(campaign.settings.labels)


@pytest.mark.slow
def test_a_report_shows_masks_and_names_the_metric(scenes: Path, known: Path, tmp_path: Path) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        query = campaign.ask(4)
        campaign.tell(masks_for(scenes, [pick.image for pick in query.picks]))
        campaign.ask(2, strategy="badge")
        write_report(campaign, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "mean IoU" in text
    assert "accuracy on the test set is" not in text


def test_masks_that_do_not_fit_are_refused_by_file_and_the_others_kept(
    scenes: Path, known: Path, tmp_path: Path
) -> None:
    with made(scenes, known, tmp_path / "c", labels=None) as campaign:
        bad = tmp_path / "bad"
        bad.mkdir()
        Image.new("L", (32, 24)).save(bad / "000.png")
        Image.new("L", (10, 10)).save(bad / "001.png")
        Image.new("RGB", (32, 24), (9, 8, 7)).save(bad / "002.png")
        Image.new("L", (32, 24), 77).save(bad / "003.png")
        (bad / "004.png").write_bytes(b"x")
        Image.new("L", (32, 24)).save(bad / "nothing.png")
        report = campaign.tell(read_labels(bad).answers)
        assert report.accepted == 1
        reasons = {entry.line: entry.reason for entry in report.rejected}
        assert list(reasons) == [2, 3, 4, 5, 6]
        assert "10 x 10 pixels, but the image has 32 x 24" in reasons[2]
        assert "colors" in reasons[3]
        assert "number 77" in reasons[4]
        assert "cannot be used" in reasons[5]
        assert "nothing" in reasons[6]


def test_test_images_without_masks_are_a_sentence(scenes: Path, known: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in (scenes / "test" / "images").iterdir():
        (alone / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SourceError, match="'masks' beside that of the images"):
        made(scenes, known, tmp_path / "c", test=str(alone))


def test_an_empty_folder_of_masks_is_a_sentence(scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidAnswers, match=r"there are no masks in.*named like its image$"):
        made(scenes, tmp_path / "none", tmp_path / "c")


def test_folders_of_jpeg_masks_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.JPG").touch()
    with pytest.raises(InvalidAnswers, match=r"JPEG changes.* save the masks as PNG, TIFF or BMP"):
        read_mask_folder(tmp_path / "masks")
    with pytest.raises(InvalidAnswers, match="JPEG changes"):
        find_format(tmp_path / "masks", kind="mask")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    with pytest.raises(InvalidAnswers, match="JPEG changes"):
        find_format(tmp_path, kind="mask").read(tmp_path)


def test_no_mask_is_decoded_where_no_model_is_needed_and_none_twice(
    scenes: Path, known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    pixels = Mask.pixels

    def counting(self: Mask, value: str, size: tuple[int, int] | None = None) -> np.ndarray:
        decoded.append(value)
        return pixels(self, value, size)

    monkeypatch.setattr(Mask, "pixels", counting)
    monkeypatch.setattr("alkit.campaign.choose.write_for_people", lambda session, query: None)
    with made(scenes, known, tmp_path / "c") as campaign:
        campaign.ask(2, strategy="random", control=0)
        assert decoded == []
        campaign.ask(2, strategy="entropy", new=True)
        campaign.ask(2, strategy="margin", new=True)
    assert len(decoded) == len(set(decoded)) == 8 + 6


def test_a_lost_mask_is_a_sentence(scenes: Path, known: Path, tmp_path: Path) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        lost = campaign.pool.values[0]
        (tmp_path / "c" / lost).unlink()
        with pytest.raises(CampaignError, match="restore it from a backup"):
            campaign.train()


def model(values: list[np.ndarray], **options: object) -> tuple[Segmentation, torch.Tensor]:
    """Return a model and the targets of some masks."""
    task = build(Segmentation, {"model": "tiny-unet", **options})
    labels = Mask(classes=CLASSES)
    task.known_labels = labels
    task.build((3, *SIZE), CLASSES, torch.device("cpu"))
    targets = task.encode([labels.of_numbers(value) for value in values])
    task.prepare(targets)
    return task, targets.take(np.arange(len(values)))


def test_the_loss_is_the_mean_over_valid_pixels() -> None:
    mask = np.full(SIZE, 255, dtype=np.uint8)
    mask[0, 0], mask[0, 1] = 1, 0
    task, targets = model([mask, np.full(SIZE, 255, dtype=np.uint8)])
    logits = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(0), requires_grad=True)
    losses = task.loss(Output(logits), targets)
    log = logits.log_softmax(dim=1)
    assert losses.tolist() == pytest.approx([-(log[0, 1, 0, 0] + log[0, 0, 0, 1]).item() / 2, 0.0])
    losses.sum().backward()
    assert logits.grad is not None
    assert int((logits.grad != 0).any(dim=1).sum()) == 2


def test_weights_of_classes_make_rare_ones_count_more() -> None:
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[0, :8] = 1
    task, _ = model([mask], class_weights="balanced")
    assert task._class_weight is not None
    ground, thing, _ = task._class_weight.tolist()
    assert thing == 10 > ground  # bounded


def test_one_class_alone_is_refused_before_training() -> None:
    with pytest.raises(TrainingError, match="only 'ground'"):
        model([np.zeros(SIZE, dtype=np.uint8)])


def test_metrics_are_those_of_the_confusion_matrix() -> None:
    found = Confusion(3, torch.device("cpu"))
    targets = torch.tensor([[[0, 0, 1, 255]]], dtype=torch.uint8)
    found.add(torch.tensor([[[0, 1, 1, 2]]]), targets)
    metrics = found.metrics(CLASSES)
    assert metrics == pytest.approx(
        {"mean_iou": 0.5, "pixel_accuracy": 2 / 3, "iou_ground": 0.5, "iou_thing": 0.5}
    )


@pytest.mark.parametrize("name", ["lraspp", "no-such-network", "math:sqrt"])
def test_networks_are_found_by_name(name: str) -> None:
    task = build(Segmentation, {"model": name})
    task.known_labels = Mask(classes=CLASSES)
    if name == "lraspp":
        task.build((3, 64, 64), CLASSES, torch.device("cpu"))
        assert task.forward(torch.zeros(2, 3, 64, 64)).prediction.shape == (2, 3, 64, 64)
        assert task.spec.embedding_dim == 128
    else:
        with pytest.raises(InvalidOption, match="network"):
            task.build((3, 64, 64), CLASSES, torch.device("cpu"))


def test_images_and_masks_move_together() -> None:
    _, mask = scene(3)
    images = torch.from_numpy(mask)[None, None].repeat(1, 3, 1, 1) * 20
    targets = torch.from_numpy(mask)[None]
    task, _ = model([np.where(mask == 9, 255, mask).astype(np.uint8)])
    for seed in range(5):
        moved, their = task.augment_batch(images, targets, torch.Generator().manual_seed(seed))
        assert (moved[:, 0] == their * 20).all()


def test_facts_of_the_image_decide_what_fits(scenes: Path) -> None:
    labels = Mask(classes=CLASSES, void=9)
    path = next((scenes / "train" / "masks").iterdir())
    assert labels.parse(str(path), ImageFacts(width=32, height=24))
    with pytest.raises(ValueError, match="but the image has 24 x 32"):
        labels.parse(str(path), ImageFacts(width=24, height=32))


def test_annotators_whose_masks_nearly_agree_are_not_in_dispute(
    scenes: Path, known: Path, tmp_path: Path
) -> None:
    with made(scenes, known, tmp_path / "c") as campaign:
        image = campaign.ask(1, strategy="random", control=0).picks[0].image
        given = masks_for(scenes, [image])[image]
        mask = np.asarray(Image.open(given)).copy()
        mask[0, 0] ^= 1
        Image.fromarray(mask).save(tmp_path / "near.png")
        other = np.where(mask == 9, 9, 1 - np.minimum(mask, 1)).astype(np.uint8)
        Image.fromarray(other).save(tmp_path / "far.png")
        for name, path in (("ann", given), ("bob", tmp_path / "near.png")):
            campaign.tell([GivenAnswer(0, image, str(path), name)])
        assert campaign.disputes == {}
        campaign.tell([GivenAnswer(0, image, str(tmp_path / "far.png"), "eve")])
        assert list(campaign.disputes.values()) == [(2, 1)]
        assert campaign.status()["disputed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_works_on_it(scenes: Path, known: Path, tmp_path: Path, strategy: str) -> None:
    options: dict[str, object] = {}
    if strategy.endswith("vaal"):
        options = {"iterations": 2, "batch-size": 4, "latent": 4, "channels": "4,8"}
        options |= {"discriminator-hidden": 8, "vae-steps": 1}
    with made(scenes, known, tmp_path / "c") as campaign:
        query = campaign.ask(3, strategy=strategy, options=options)
        assert len({pick.index for pick in query.picks}) == 3


@pytest.mark.slow
def test_a_benchmark_compares_strategies_on_masks(scenes: Path, tmp_path: Path) -> None:
    table = {
        "name": "scenes",
        "seeds": 1,
        "data": {"pool": str(scenes / "train" / "images"), "test": str(scenes / "test" / "images")},
        "task": {"name": "segmentation", "options": {"model": "tiny-unet", "epochs": 1, "void": 9}},
        "labels": {"start": 6, "budget": 2, "cycles": 1},
        "strategies": ["random", "entropy"],
    }
    how = SuiteOptions(executor="local", device="cpu")
    run_suite(parse_protocol(table), tmp_path / "results", how, progress=NullProgress())
    cycles = [r for r in records.read_all(tmp_path / "results") if r["kind"] == "cycle"]
    assert len(cycles) == 4
    assert all("mean_iou" in record["metrics"] for record in cycles)
