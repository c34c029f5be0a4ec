"""Masks in COCO: polygons and run lengths with their categories."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from alkit.interfaces import Export, Item
from alkit.labeling import ABSTAIN, UNUSABLE, encode_rle


def mask_label(image: Mapping[str, Any], shapes: Sequence[tuple[str, Any]]) -> str:
    """Return the text of a mask from the category and the `segmentation` of each annotation of an image.

    Raises:
        ValueError: an annotation has no polygon and no run lengths.
    """
    parts = []
    for name, segmentation in shapes:
        if not segmentation or not isinstance(segmentation, (list, dict)):
            raise ValueError(f"has an annotation of '{name}' without a segmentation")
        key = "rle" if isinstance(segmentation, dict) else "polygon"
        parts.append({"class": name, key: segmentation})
    size = [image.get("height"), image.get("width")]
    known = all(isinstance(side, int) and side > 0 for side in size)
    return json.dumps({"size": size if known else None, "shapes": parts}, ensure_ascii=False)


def mask_annotations(export: Export, items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    """Yield an annotation with run lengths for each class in each mask."""
    number = 0
    for item in items:
        if export.mask is None or item.answer in (None, ABSTAIN, UNUSABLE):
            continue
        mask = export.mask(item)
        for value in np.unique(mask).tolist():
            if value >= len(export.classes):
                continue  # void
            covered = mask == value
            rows, columns = np.nonzero(covered.any(axis=1))[0], np.nonzero(covered.any(axis=0))[0]
            left, top = int(columns[0]), int(rows[0])
            number += 1
            yield {
                "id": number,
                "image_id": item.rank,
                "category_id": value + 1,
                "segmentation": encode_rle(covered),
                "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
                "area": int(covered.sum()),
                "iscrowd": 1,
            }
