"""Detection: losses, average precision, moved boxes, networks of torchvision, and a whole campaign."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.query import Query
from alkit.campaign.report.write import write_report
from alkit.errors import InvalidAnswers, InvalidOption, TrainingError
from alkit.training import Objects
from alkit_plugins.tasks.detection import Detection
from alkit_plugins.tasks.detectors.average_precision import AveragePrecision
from alkit_plugins.tasks.detectors.box_targets import BoxTargets, moved_with_boxes
from alkit_plugins.tasks.detectors.detector import embedding_of, shares_of_scores
from alkit_plugins.tasks.detectors.fcos import SmallFCOS

CLASSES = ("cat", "dog")


def box(
    name: str = "cat", x: float = 4, y: float = 6, width: float = 10, height: float = 8, **more: Any
) -> Any:
    """Return a box as labels keep it."""
    return {"class": name, "x": x, "y": y, "width": width, "height": height, **more}


def rows(*values: Any) -> Any:
    """Return boxes as a batch of targets."""
    return BoxTargets(values, CLASSES).take(np.arange(len(values)))


def built(size: tuple[int, int] = (24, 32), channels: int = 1, **options: Any) -> Detection:
    """Return a detector for small images."""
    task = Detection(**{"model": "tiny-fcos", "precision": "float32", **options})
    task.build((channels, *size), CLASSES, torch.device("cpu"))
    return task


def objects_of(*found: list[tuple[float, int, list[float]]]) -> Objects:
    """Return objects from score, class and corners, padded as a network pads them."""
    most = max(map(len, found))
    padded = [[*each, *[(0.0, 0, [0.0] * 4)] * (most - len(each))] for each in found]
    scores = torch.tensor([[score for score, _, _ in each] for each in padded])
    return Objects(
        boxes=torch.tensor([[corners for _, _, corners in each] for each in padded]),
        scores=scores,
        classes=torch.tensor([[number for _, number, _ in each] for each in padded]),
        weights=(scores > 0).float(),
        features=torch.zeros(*scores.shape, 3),
    )


def test_targets_are_padded_within_their_batch_only() -> None:
    targets = BoxTargets([[box(), box("dog", crowd=True)], [], [box("dog")]], CLASSES)
    assert targets.counts() == {"cat": 1, "dog": 2}
    both = targets.take(np.array([1, 0]))
    assert both["classes"].tolist() == [[-1, -1], [0, 1]]
    assert both["crowd"].tolist() == [[False, False], [False, True]]
    assert both["boxes"][1, 0].tolist() == [4, 6, 14, 14]
    assert targets.take(np.array([1]))["boxes"].shape == (1, 0, 4)
    assert targets.digest() != BoxTargets([[box()], [], [box("dog")]], CLASSES).digest()
    with pytest.raises(InvalidAnswers, match="'owl' is not a class"):
        BoxTargets([[box("owl")]], CLASSES)


def test_what_is_left_of_a_moved_box_is_its_target() -> None:
    images = torch.zeros(40, 1, 16, 16, dtype=torch.uint8)
    images[:, :, 0:6, 8:12] = 200
    targets = rows(*[[box(x=8, y=0, width=4, height=6), box(x=0, y=15, width=2, height=1)]] * 40)
    moved, their = moved_with_boxes(images, targets, torch.Generator().manual_seed(0), flip=True)
    assert len({tuple(b) for b in their["boxes"][:, 0].tolist()}) > 10
    for image, corners in zip(moved[:, 0], their["boxes"][:, 0].int().tolist(), strict=True):
        x1, y1, x2, y2 = corners
        assert (image[y1:y2, x1:x2] == 200).all()
    assert (their["classes"][:, 0] == 0).all()
    assert {-1, 0} == set(their["classes"][:, 1].tolist())  # the one at the edge is sometimes gone


def test_the_loss_of_an_image_depends_on_its_own_boxes_and_not_on_crowds() -> None:
    task = built()
    images = torch.randn(2, 1, 24, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        output = task.forward(images)
        both = task.loss(output, rows([box()], [box("dog", x=15), box()]))
        other = task.loss(output, rows([box()], []))
        crowd = task.loss(output, rows([box()], [box(crowd=True, x=0, y=0, width=32, height=24)]))
    assert both[0] == pytest.approx(float(other[0]))
    assert both[1] > 10 * other[1] > 0
    assert crowd[1] == 0  # nothing is wrong inside a crowd


@pytest.mark.slow
def test_the_small_detector_learns_where_its_objects_are() -> None:
    torch.manual_seed(0)
    network = SmallFCOS(1, 2, base=8)
    images = torch.zeros(4, 1, 24, 32)
    values = []
    for number in range(4):
        x, y = 2 + 4 * number, 3 * number
        images[number, :, y : y + 8, x : x + 10] = 1 if number % 2 else -1
        values.append([box(CLASSES[number % 2], x=x, y=y)])
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(60):
        maps = network.maps(images)
        loss = network.losses(network.raw(maps), maps, rows(*values), (24, 32)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        maps = network.maps(images)
        found, shares = network.objects(network.raw(maps), maps, (24, 32))
    metric = AveragePrecision(CLASSES)
    metric.add(found, rows(*values))
    assert metric.metrics()["map_50"] > 0.9
    assert torch.allclose(shares.sum(dim=1), torch.ones(4, 100))
    assert (found.weights[:, 0] == 1).all()
    assert (found.boxes >= 0).all()


def test_average_precision_is_that_of_pycocotools(tmp_path: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(0)
    truth, found, values, each = [], [], [], []
    for image in range(12):
        own, detected = [], []
        for _ in range(int(rng.integers(0, 5))):
            x, y, width, height = rng.uniform(1, 20, 4).round(2).tolist()
            number, crowd = int(rng.integers(2)), bool(rng.random() < 0.1)
            own.append(box(CLASSES[number], x, y, width, height, **({"crowd": True} if crowd else {})))
            base = {"image_id": image, "category_id": number, "bbox": [x, y, width, height]}
            truth.append(base | {"id": len(truth) + 1, "iscrowd": int(crowd), "area": width * height})
            for score in rng.uniform(0.01, 1, int(rng.integers(0, 3))).round(4).tolist():
                dx, dy = rng.normal(0, 2, 2).round(2).tolist()
                found.append(base | {"bbox": [x + dx, y + dy, width, height], "score": score})
                detected.append((score, number, [x + dx, y + dy, x + dx + width, y + dy + height]))
        values.append(own)
        each.append(detected or [(0.0, 0, [0.0] * 4)])
    content = {
        "images": [{"id": image} for image in range(12)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES)],
        "annotations": truth,
    }
    (tmp_path / "truth.json").write_text(json.dumps(content))
    (tmp_path / "found.json").write_text(json.dumps(found))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "truth.json"))
        theirs = COCOeval(coco, coco.loadRes(str(tmp_path / "found.json")), "bbox")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    ours = AveragePrecision(CLASSES)
    ours.add(objects_of(*each[:5]), rows(*values[:5]))
    ours.add(objects_of(*each[5:]), rows(*values[5:]))
    metrics = ours.metrics()
    assert 0.05 < metrics["map"] < 0.95
    assert (metrics["map"], metrics["map_50"]) == pytest.approx((theirs.stats[0], theirs.stats[1]), abs=1e-6)
    assert metrics["map"] == pytest.approx((metrics["ap_cat"] + metrics["ap_dog"]) / 2)


def test_without_a_box_there_is_nothing_to_measure_or_to_train_on() -> None:
    metric = AveragePrecision(CLASSES)
    metric.add(objects_of([(0.9, 0, [1.0, 1, 5, 5])]), rows([]))
    assert metric.metrics() == {}
    with pytest.raises(TrainingError, match="none of the 2 labeled images has a box"):
        built().prepare(BoxTargets([[], []], CLASSES))


def test_an_embedding_is_that_of_the_objects_weighted_by_their_scores() -> None:
    maps = [torch.zeros(1, 3, 4, 4)]
    found = objects_of([(0.9, 0, [0.0, 0, 4, 4]), (0.3, 1, [0.0, 0, 2, 2])])
    found.features[0, 0], found.features[0, 1] = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0])
    assert embedding_of(maps, found)[0].tolist() == pytest.approx([0.9 / 1.25, 0.3 / 1.25, 0])
    shares = shares_of_scores(torch.tensor([[[0.2, 0.9], [0.1, 0.6]]]))
    assert torch.allclose(shares[0].T, torch.tensor([[0.2, 0.1, 0.7], [0.6, 0.4, 0.0]]))


def test_weights_of_other_classes_are_loaded_but_for_the_layer_of_classes(tmp_path: Path) -> None:
    first = Detection(model="tiny-fcos")
    first.build((1, 24, 32), ("a", "b", "c"), torch.device("cpu"))
    torch.save(first.network.state_dict(), tmp_path / "weights.pt")
    second = built(weights=str(tmp_path / "weights.pt"))
    own, theirs = second.network.state_dict(), first.network.state_dict()
    differing = {name for name in own if not torch.equal(own[name], theirs[name])}
    assert differing == {"classes.weight", "classes.bias"}
    assert second.spec.pretrained
    torch.save({"edges.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InvalidOption, match=r"other.pt does not fit the network 'tiny-fcos'"):
        built(weights=str(tmp_path / "other.pt"))


def test_a_network_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(
        InvalidOption, match="there is no network 'yolo' for detection; choose from small-fcos"
    ):
        built(model="yolo")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ssdlite", "fcos", "retinanet", "fasterrcnn"])
def test_networks_of_torchvision_have_a_loss_for_each_image(name: str) -> None:
    task = built((64, 96), model=name)
    targets = rows([box(x=10, y=20, width=30, height=30)], [])
    images = torch.randn(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    task.network.train()
    losses = task.loss(task.forward(images), targets)
    losses.mean().backward()
    assert losses.shape == (2,)
    assert all(torch.isfinite(p.grad).all() for p in task.network.parameters() if p.grad is not None)
    task.network.eval()
    with torch.no_grad():
        output = task.forward(images)
        again = task.loss(output, targets)
    assert torch.isfinite(again).all()
    assert output.objects is not None and output.probabilities is not None
    assert output.probabilities.shape[:2] == (2, 3)
    assert (output.objects.weights[:, 0] == 1).all()


def pictures(root: Path) -> None:
    """Write pictures with a bright or dark object, and tables with their boxes."""
    for split, count in (("train", 16), ("test", 4)):
        (root / split).mkdir(parents=True)
        lines = []
        for number in range(count):
            rng = np.random.default_rng(number + 100 * (split == "test"))
            pixels = rng.integers(90, 130, (48, 64), dtype=np.uint8)
            x, y = (int(v) for v in rng.integers(2, 24, 2))
            pixels[y : y + 16, x : x + 20] = 250 if number % 2 else 5
            Image.fromarray(pixels).save(root / split / f"{number:02d}.png")
            boxes = [box(CLASSES[number % 2], x, y, 20, 16)] if number != 3 else []
            lines.append((f"{split}/{number:02d}.png", json.dumps(boxes)))
        with (root / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("image", "label"), *lines])


def made(root: Path, **details: object) -> Campaign:
    """Make a campaign in which boxes of six pictures are known."""
    lines = (root / "train.csv").read_text().splitlines(keepends=True)
    (root / "known.csv").write_text("".join(lines[:7]))
    options = {"model": "tiny-fcos", "epochs": 1, "precision": "float32"}
    given = {"task": "detection", "task_options": options, "labels": root / "known.csv"}
    given |= {"test": str(root / "test.csv"), "strategy": "entropy", "image_size": (24, 32), **details}
    return create(root / "c", str(root / "train"), device="cpu", **given)


def labels_of(root: Path, query: Query) -> dict[str, str]:
    """Return the boxes of the pictures that a query asks for."""
    with (root / "train.csv").open() as file:
        known = {name: label for name, label in csv.reader(file)}
    return {pick.image: known[f"train/{pick.image}"] for pick in query.picks}


@pytest.mark.slow
def test_answers_are_boxes_that_fit_and_keep_their_class(tmp_path: Path) -> None:
    pictures(tmp_path)
    with made(tmp_path, test=None, classes=CLASSES) as campaign:
        assert campaign.settings.labels == "boxes"
        assert campaign.status()["classes"] == {"cat": 3, "dog": 2}
        query = campaign.ask(3, strategy="random")
        told = campaign.tell(labels_of(tmp_path, query))
        assert (told.accepted, told.rejected) == (3, ())
        far = campaign.tell({query.picks[0].image: json.dumps([box(x=60)])})
        assert "outside the image of 64 x 48" in far.rejected[0].reason
        strange = campaign.tell({query.picks[0].image: json.dumps([box("owl")])})
        assert "there is no class 'owl'" in strange.rejected[0].reason
        campaign.rename_class("cat", "tiger")
        assert set(campaign.status()["classes"]) == {"tiger", "dog"}
        campaign.retire_class("dog")
        assert {b["class"] for value in campaign.pool.values for b in value} == {"tiger"}


@pytest.mark.slow
def test_a_campaign_goes_from_boxes_to_a_report(tmp_path: Path) -> None:
    pictures(tmp_path)
    with made(tmp_path) as campaign:
        campaign.tell(labels_of(tmp_path, campaign.ask(3)))
        campaign.ask(2, strategy="ppal")
        assert list(campaign.history()[-1].metrics)[:2] == ["map", "map_50"]
        write_report(campaign, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "1 box" in text
    assert "mAP" in text
