"""Results of object detection, of COCO or YOLO: the boxes of each image become its predictions.

A box counts as a position with two outcomes: an object, with the probability of the box's score, or none.
Images have as many positions as the one with the most boxes. Positions without a box are certain, so an
uncertainty that is averaged over positions ranks images by its sum over their boxes: one of the aggregations
in Brust, Käding and Denzler, Active Learning for Deep Object Detection, VISAPP 2019.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alkit.errors import InvalidRows
from alkit.utils.counts import counted
from alkit.utils.files import read_regular

from .named_rows import NamedRows, checked

MOST_BOXES = 100  # of an image, as in COCO's evaluation
MOST_BYTES = 2**31
YOLO_PARTS = 6
IDS = (int, float, str)


def read_detections(path: Path) -> NamedRows:
    """Read a list of results, or an object with `images` and `annotations` that have scores.

    Raises:
        InvalidRows: it cannot be read, or a result lacks an image or a score.
    """
    results, files = _parsed(path)
    scores: dict[str, list[float]] = {name: [] for name in files.values()} if files else defaultdict(list)
    for number, result in enumerate(results, 1):
        result = result if isinstance(result, dict) else {}
        image, score = result.get("image_id"), result.get("score")
        if not isinstance(image, IDS) or isinstance(score, bool) or not isinstance(score, (int, float)):
            raise InvalidRows(f"result {number:,} of '{path}' should have an 'image_id' and a 'score'")
        if not 0 <= score <= 1:
            shown = f"{score:g}" if isinstance(score, float) else f"{score!s:.20}"
            raise InvalidRows(f"result {number:,} of '{path}' has the score {shown}, which is not in [0, 1]")
        if files and image not in files:
            raise InvalidRows(f"result {number:,} of '{path}' is of image {image!r}, which 'images' lacks")
        scores[files[image] if files else str(image)].append(float(score))
    if not scores:
        raise InvalidRows(f"'{path}' holds no results")
    return rows_of_scores(str(path), scores, nameless_is_empty=not files)


def read_yolo(folder: Path) -> NamedRows:
    """Read a folder of YOLO's predictions: a text file per image, lines of class, box and confidence.

    An image without a file has no objects: YOLO writes none for it.

    Raises:
        InvalidRows: there are no such files, or a line has no confidence.
    """
    scores: dict[str, list[float]] = {}
    for path in sorted(folder.glob("*.txt")):
        own = scores.setdefault(path.stem, [])
        try:
            lines = read_regular(path, most=MOST_BYTES).decode().splitlines()
        except (OSError, ValueError) as error:
            raise InvalidRows(f"'{path}' cannot be read: {error}") from error
        own.extend(_confidence(line, path, number) for number, line in enumerate(lines, 1) if line.strip())
    if not scores:
        raise InvalidRows(f"the folder '{folder}' holds no .txt files with YOLO's predictions")
    return rows_of_scores(str(folder), scores, nameless_is_empty=True, where="file")


def _confidence(line: str, path: Path, number: int) -> float:
    parts = line.split()
    if len(parts) == YOLO_PARTS - 1:
        raise InvalidRows(
            f"line {number} of '{path}' has no confidence; let YOLO write it, with save_txt=True and "
            "save_conf=True"
        )
    try:
        score = float(parts[-1])
    except ValueError:
        score = -1.0
    if len(parts) < YOLO_PARTS or not 0 <= score <= 1:
        raise InvalidRows(
            f"line {number} of '{path}' should be a class, four numbers and a confidence in [0, 1]"
        )
    return score


def rows_of_scores(
    place: str,
    scores: Mapping[str, Sequence[float]],
    *,
    nameless_is_empty: bool,
    where: str = "image",
    numbers: Sequence[int] | None = None,
) -> NamedRows:
    """Return the scores of the boxes of each image as predictions, [images, 2, boxes].

    Args:
        place: of the file, for messages.
        scores: of the boxes, by image.
        nameless_is_empty: see `NamedRows`.
        where: what a row is called in messages.
        numbers: of the rows in the file.
    """
    most = min(max(1, *(len(found) for found in scores.values())), MOST_BOXES)
    values = np.zeros((len(scores), 2, most), dtype=np.float32)
    values[:, 0] = 1
    for row, found in enumerate(scores.values()):
        best = np.sort(np.array(found, dtype=np.float32))[::-1][:most]
        values[row, 1, : len(best)], values[row, 0, : len(best)] = best, 1 - best
    count = sum(map(len, scores.values()))
    rows = NamedRows(
        place=place,
        values=values,
        names=list(scores),
        where=where,
        numbers=numbers,
        nameless_is_empty=nameless_is_empty,
        notes=[
            f"{counted(count, 'box', 'boxes')} of {counted(len(scores), 'image')}; an image counts by the "
            "sum over its boxes"
        ],
    )
    return checked(rows, "predictions")


def _parsed(path: Path) -> tuple[Sequence[Any], Mapping[Any, str]]:
    """Return the results, and the file of each image where the file says it."""
    try:
        content = json.loads(read_regular(path, most=MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRows(f"'{path}' cannot be read as JSON: {error}") from error
    if isinstance(content, list):
        return content, {}
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        images = content.get("images")
        if isinstance(images, list) and all(
            isinstance(i, dict) and isinstance(i.get("id"), IDS) and "file_name" in i for i in images
        ):
            return content["annotations"], {image["id"]: str(image["file_name"]) for image in images}
    raise InvalidRows(
        f"'{path}' should hold COCO's results, a list of objects with 'image_id' and 'score', or an object "
        "with 'images' and 'annotations'"
    )
