"""Average precision of detections, as COCO defines it, computed by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.training import Objects

LEAST_SCORE = 0.001


class AveragePrecision:
    """Collects boxes and detections, batch by batch.

    Args:
        classes: names in the order of their numbers.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._images = 0
        self._boxes: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []

    def add(self, objects: Objects, targets: dict[str, Tensor]) -> None:
        """Take in the detections and the boxes of a batch."""
        for row in range(len(objects.scores)):
            self._images += 1
            classes, crowd = targets["classes"][row].tolist(), targets["crowd"][row].tolist()
            for name, crowded, box in zip(classes, crowd, _sides(targets["boxes"][row]), strict=True):
                if name >= 0:
                    number = len(self._boxes) + 1
                    own = {"id": number, "image_id": self._images, "category_id": name, "bbox": box}
                    self._boxes.append(own | {"area": box[2] * box[3], "iscrowd": int(crowded)})
            several = objects.scores[row].tolist(), objects.classes[row].tolist(), _sides(objects.boxes[row])
            for score, name, box in zip(*several, strict=True):
                if score > LEAST_SCORE:
                    own = {"image_id": self._images, "category_id": name, "bbox": box}
                    self._found.append(own | {"score": score})

    def metrics(self) -> dict[str, float]:
        """Return the mean over IoU from 0.5 to 0.95, that at 0.5, and the mean of each class with boxes."""
        if not any(not box["iscrowd"] for box in self._boxes):
            return {}
        precision = self._precision()  # [IoU, recall, class]
        there = precision.max(axis=(0, 1)) > -1
        each = {name: float(precision[..., k].mean()) for k, name in enumerate(self._classes) if there[k]}
        known = precision[..., there]
        found = {"map": float(known.mean()), "map_50": float(known[0].mean())}
        return found | {f"ap_{name}": value for name, value in each.items()}

    def _precision(self) -> Any:
        coco, evaluation = need_pycocotools()
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco()
            truth.dataset = {
                "images": [{"id": number} for number in range(1, self._images + 1)],
                "annotations": self._boxes,
                "categories": [{"id": k, "name": name} for k, name in enumerate(self._classes)],
            }
            truth.createIndex()
            found = coco()
            found.dataset = truth.dataset | {
                "annotations": [
                    own | {"id": number, "iscrowd": 0, "area": own["bbox"][2] * own["bbox"][3]}
                    for number, own in enumerate(self._found, start=1)
                ]
            }
            found.createIndex()
            judged = evaluation(truth, found, "bbox")
            judged.evaluate()
            judged.accumulate()
        return judged.eval["precision"][..., 0, -1]


def need_pycocotools() -> tuple[Any, Any]:
    """Return the two classes of pycocotools.

    Raises:
        TrainingError: it is not installed.
    """
    try:
        from pycocotools.coco import COCO  # noqa: PLC0415  # an extra
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"the average precision of boxes needs {error.name}; install it with: "
            "pip install 'alkit[detection]'"
        ) from error
    return COCO, COCOeval


def _sides(boxes: Tensor) -> list[list[float]]:
    """Return boxes as x, y, width and height."""
    corners = boxes.double()
    sides: list[list[float]] = (
        corners.clone().index_copy(1, corners.new_tensor([2, 3]).long(), corners[:, 2:] - corners[:, :2])
    ).tolist()
    return sides
