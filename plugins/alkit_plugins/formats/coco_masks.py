"""Masks in COCO: polygons and run lengths with their categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from alkit.interfaces import Export, Item
from alkit.labeling import ABSTAIN, UNUSABLE, encode_rle, outlines

from .regions import as_size, mask_text, regions_of

Annotation = tuple[str, Mapping[str, Any]]
"""The name of the category, and the annotation."""
Drawing = Literal["rle", "polygon"]


def mask_label(image: Mapping[str, Any], annotations: Sequence[Annotation]) -> str:
    """Return the text of the mask that the annotations of an image make.

    Raises:
        ValueError: an annotation has no polygon and no run lengths.
    """
    parts = []
    for name, annotation in annotations:
        segmentation = annotation.get("segmentation")
        if not segmentation and len(annotations) == 1 and name in (ABSTAIN, UNUSABLE):
            return name
        if not segmentation or not isinstance(segmentation, (list, dict)):
            raise ValueError(f"has an annotation of '{name}' without a segmentation")
        key = "rle" if isinstance(segmentation, dict) else "polygon"
        parts.append({"class": name, key: segmentation})
    return mask_text(as_size(image.get("height"), image.get("width")), parts)


def mask_annotations(
    export: Export, items: Sequence[Item], numbers: Mapping[str, int], drawing: Drawing
) -> Iterator[dict[str, Any]]:
    """Yield an annotation for each class in each mask, with run lengths or polygons.

    Args:
        export: where the items are from.
        items: all of them.
        numbers: of the categories, by name.
        drawing: what segmentations are made of.
    """
    number = 0
    for item in items:
        if export.mask is None or item.answer is None:
            continue
        if item.answer in (ABSTAIN, UNUSABLE):
            number += 1
            yield whole_image(item, number, numbers[item.answer])
            continue
        for region in regions_of(export, item, background=True):
            covered = region.covered
            rows, columns = np.nonzero(covered.any(axis=1))[0], np.nonzero(covered.any(axis=0))[0]
            left, top = int(columns[0]), int(rows[0])
            number += 1
            yield {
                "id": number,
                "image_id": item.rank,
                "category_id": numbers[region.name],
                "segmentation": encode_rle(covered) if drawing == "rle" else outlines(covered),
                "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
                "area": int(covered.sum()),
                "iscrowd": int(drawing == "rle"),
            }


def whole_image(item: Item, number: int, category: int) -> dict[str, Any]:
    """Return an annotation of a whole image that has no regions."""
    return {
        "id": number,
        "image_id": item.rank,
        "category_id": category,
        "segmentation": [],
        "bbox": [0, 0, item.width, item.height],
        "area": item.width * item.height,
        "iscrowd": 0,
    }
