"""Boxes in COCO: `bbox` from the upper left corner in pixels, and `iscrowd`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alkit.interfaces import Item
from alkit.labeling import ABSTAIN, UNUSABLE

from .boxes import Box, boxes_of, boxes_text, numbers
from .coco_masks import Annotation, whole_image

SIDES = 4


def box_label(annotations: Sequence[Annotation]) -> str:
    """Return the text of the boxes that the annotations of an image make.

    Raises:
        ValueError: an annotation has no box.
    """
    if len(annotations) == 1 and annotations[0][0] in (ABSTAIN, UNUSABLE):
        return annotations[0][0]
    return boxes_text(_box(name, annotation) for name, annotation in annotations)


def _box(name: str, annotation: Mapping[str, Any]) -> Box:
    given = annotation.get("bbox")
    sides = numbers(given) if isinstance(given, list) else None
    if sides is None or len(sides) != SIDES:
        raise ValueError(f"has an annotation of '{name}' without bbox [x, y, width, height]")
    rotation = (annotation.get("attributes") or {}).get("rotation") if _has_attributes(annotation) else None
    if rotation:
        raise ValueError(
            f"has a box of '{name}' that is rotated by {rotation} degrees; alkit's boxes are upright: turn "
            "it back"
        )
    x, y, width, height = sides
    score = annotation.get("score")
    known = isinstance(score, (int, float)) and not isinstance(score, bool)
    crowd = annotation.get("iscrowd") in (1, True)
    return Box(name, x, y, width, height, crowd=crowd, score=score if known else None)


def _has_attributes(annotation: Mapping[str, Any]) -> bool:
    return isinstance(annotation.get("attributes"), dict)


def box_annotations(items: Sequence[Item], categories: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield an annotation for each box of each item.

    Args:
        items: all of them.
        categories: their numbers by name.
    """
    number = 0
    for item in items:
        if item.answer in (ABSTAIN, UNUSABLE):
            number += 1
            yield whole_image(item, number, categories[str(item.answer)])
            continue
        for box in boxes_of(item.answer):
            number += 1
            yield {
                "id": number,
                "image_id": item.rank,
                "category_id": categories[box.name],
                "segmentation": [],
                "bbox": [box.x, box.y, box.width, box.height],
                "area": box.width * box.height,
                "iscrowd": int(box.crowd),
            }
