"""Predicted boxes: what a detector finds, in the pixels of each image, and as COCO's file of results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import UsageError
from alkit.labeling.box_lists import SIDES, rounded

from .predictions import DIGITS, PredictedImage

if TYPE_CHECKING:
    from alkit.training.types import Objects

    from .trained import UsableModel

LEAST_SCORE = 0.05
"""Boxes of a lower score are not written, unless somebody asks for them."""
SMALLEST = 0.01
"""Pixels of the shorter side of a box."""


def check_boxes(path: Path, *, kind: str, probabilities: bool) -> None:
    """Check that what is asked for fits the labels.

    Raises:
        UsageError: there are probabilities of boxes to write, or other labels than boxes as COCO's results.
    """
    if kind == "boxes" and probabilities:
        raise UsageError("each box has a score, and no other probabilities; leave --probabilities out")
    if kind != "boxes" and path.suffix.lower() == ".json":
        raise UsageError(
            "only boxes are written as COCO's results (.json); name a .csv, .jsonl or .parquet file with "
            "--out"
        )


def boxes_in_pixels(
    model: UsableModel, objects: Objects, sizes: Sequence[tuple[int, int]], least: float
) -> Iterator[list[dict[str, Any]]]:
    """Yield the boxes of each image as labels have them, with their scores, the most certain first.

    Args:
        model: that found them.
        objects: in the pixels of the images that it sees.
        sizes: (width, height) of the images themselves.
        least: score of a box.
    """
    _, height, width = model.preprocessing.shape
    lists = (part.tolist() for part in (objects.boxes, objects.scores, objects.classes))
    for boxes, scores, classes, (wide, high) in zip(*lists, sizes, strict=True):
        across, down = wide / width, high / height
        found = []
        for (left, top, right, bottom), score, number in zip(boxes, scores, classes, strict=True):
            x, y = max(0.0, left) * across, max(0.0, top) * down
            sides = (x, y, min(right, width) * across - x, min(bottom, height) * down - y)
            if score >= least and min(sides[2:]) >= SMALLEST and number < len(model.classes):
                place = dict(zip(SIDES, map(rounded, sides), strict=True))
                found.append({"class": model.classes[number], **place, "score": round(score, DIGITS)})
        yield found


def write_coco(rows: Iterator[PredictedImage], classes: Sequence[str], path: Path) -> None:
    """Write images, categories, and an annotation with a score for each box, as one JSON object.

    Images that cannot be read are left out. `annotations` by themselves are a list of results as pycocotools
    loads it.
    """
    number = {name: place for place, name in enumerate(classes, start=1)}
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in rows:
        if row.boxes is None or row.size is None:
            continue
        width, height = row.size
        images.append({"id": len(images) + 1, "file_name": row.path, "width": width, "height": height})
        annotations += [
            {
                "id": len(annotations) + place,
                "image_id": len(images),
                "category_id": number[box["class"]],
                "bbox": [box[side] for side in SIDES],
                "area": box["width"] * box["height"],
                "iscrowd": 0,
                "score": box["score"],
            }
            for place, box in enumerate(row.boxes, start=1)
        ]
    categories = [{"id": place, "name": name} for name, place in number.items()]
    whole = {"images": images, "categories": categories, "annotations": annotations}
    path.write_text(json.dumps(whole, ensure_ascii=False) + "\n", encoding="utf-8")
