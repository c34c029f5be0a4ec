"""YOLO: `data.yaml`, a folder of images, and a text of boxes or polygons for each, in parts of the image."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import alkit
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import ABSTAIN, UNUSABLE, GivenAnswer, outlines, read_tree, whole, write_atomically

from .boxes import Box, boxes_of, boxes_text, refuse_crowds
from .image_folder import ImageFolder
from .reading import is_there
from .regions import mask_text, regions_of

CONTENT, IMAGES, LABELS, TRAIN = "data.yaml", "images", "labels", "train"
NAMES = ("obj.names", "classes.txt", "labels.txt")
"""Files that list the classes, one in a line, where there is no `data.yaml`."""
PICTURES = tuple(f".{name}".encode() for name in ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff"))
BOX, SCORED = 5, 6  # numbers in a line


@dataclass(kw_only=True)
class Yolo(ImageFolder):
    """A folder with `data.yaml`, `images/` and `labels/`; an empty text says that there is nothing.

    An image without a text is not answered yet. Names of files identify images.
    """

    name: ClassVar[str] = "yolo"
    unit: ClassVar[str] = "file"
    kinds: ClassVar[frozenset[str]] = frozenset({"boxes", "mask"})

    def recognizes(self, path: Path) -> bool:
        """Accept a folder or an archive with texts, and with `data.yaml` or a list of classes."""
        named = is_there(path, (CONTENT,)) or (is_there(path, NAMES) and is_there(path, (".txt",), but=NAMES))
        return named and not is_there(path, (".xml", ".json"))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the folder; images with an answer have a text.

        Raises:
            InvalidOption: a box is around a crowd, for which there is no place.
        """
        images = f"{IMAGES}/{TRAIN}"
        with whole(path) as folder:
            write_atomically(folder / CONTENT, _content(export, {"train": images, "val": images}))
            self._fill(export, folder, TRAIN)
        return [path]

    def write_splits(self, exports: Mapping[str, Export], path: Path) -> Sequence[Path]:
        """Write one folder with a split in each of `images/` and `labels/`, and one `data.yaml`."""
        places = {split: f"{IMAGES}/{split}" for split in exports}
        with whole(path) as folder:
            named = {"val" if split == "test" else split: place for split, place in places.items()}
            write_atomically(folder / CONTENT, _content(exports["train"], named | places))
            for split, export in exports.items():
                self._fill(export, folder, split)
        return [path]

    def _fill(self, export: Export, folder: Path, split: str) -> None:
        if self.kind == "boxes":
            refuse_crowds(export, self.name, ("coco", "jsonl"))
        images, labels = folder / IMAGES / split, folder / LABELS / split
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for item in export.items:
            self.put(export, item, images / item.name)
            if item.answer is not None and item.answer not in (ABSTAIN, UNUSABLE):
                lines = _mask(export, item) if self.kind == "mask" else _boxes(export, item)
                write_atomically(labels / f"{Path(item.name).stem}.txt", "".join(lines))

    def read(self, path: Path) -> Reply:
        """Read the text of each image.

        Raises:
            InvalidAnswers: no file says how the classes are called.
        """
        names = _names(path)
        reply = Reply()
        texts = {
            PurePosixPath(part.name).with_suffix("").as_posix(): part.content
            for part in read_tree(path, ".txt")
            if PurePosixPath(part.name).name not in NAMES and not _is_list(part.content)
        }
        for number, (stem, content) in enumerate(texts.items(), start=1):
            try:
                rows = _rows(content)
                label = _mask_label(rows, names) if self.kind == "mask" else _boxes_label(rows, names)
            except ValueError as error:
                reply.reject(number, f"{stem}.txt {error}")
                continue
            name = stem.replace(f"{LABELS}/", f"{IMAGES}/", 1)
            reply.answers.append(GivenAnswer.of_file(number, name, label))
        return Reply(reply.answers, reply.rejected, max(0, _images(path) - len(texts)))


def _content(export: Export, places: Mapping[str, str]) -> str:
    """Return `data.yaml`; JSON is YAML."""
    lines = ["path: .", *(f"{name}: {json.dumps(place)}" for name, place in places.items()), "names:"]
    named = [
        f"  {number}: {json.dumps(name, ensure_ascii=False)}" for number, name in enumerate(export.classes)
    ]
    return "\n".join([*lines, *named, ""])


def _boxes(export: Export, item: Item) -> list[str]:
    number = {name: place for place, name in enumerate(export.classes)}
    lines = []
    for box in boxes_of(item.answer):
        center = (box.x + box.width / 2) / item.width, (box.y + box.height / 2) / item.height
        size = box.width / item.width, box.height / item.height
        lines.append(" ".join([str(number[box.name]), *map(_short, (*center, *size))]) + "\n")
    return lines


def _mask(export: Export, item: Item) -> list[str]:
    lines = []
    for region in regions_of(export, item):
        if region.number >= len(export.classes):
            raise InvalidOption(
                f"the mask of '{item.image}' has void beside the class 'background', for which the format "
                "yolo has no place; export as coco or masks"
            )
        for polygon in outlines(region.covered):
            parts = [v / (item.height if n % 2 else item.width) for n, v in enumerate(polygon)]
            lines.append(" ".join([str(region.number), *map(_short, parts)]) + "\n")
    return lines


def _short(number: float) -> str:
    return f"{number:.10g}"


def _names(path: Path) -> dict[int, str]:
    """Return the classes by number.

    Raises:
        InvalidAnswers: no file names them.
    """
    if is_there(path, (CONTENT,)):
        return _of_yaml(path, read_tree(path, CONTENT)[0].content)
    for name in NAMES:
        if is_there(path, (name,)):
            content = read_tree(path, name)[0].content.decode("utf-8-sig", "replace")
            return dict(enumerate(line.strip() for line in content.splitlines() if line.strip()))
    raise InvalidAnswers(
        f"{path} does not say how its classes are called; put {CONTENT} or {NAMES[1]} beside the labels"
    )


def _of_yaml(path: Path, content: bytes) -> dict[int, str]:
    try:
        import yaml  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InvalidOption(
            f"reading {CONTENT} needs PyYAML; install it with: pip install 'alkit[yolo]'"
        ) from error
    try:
        names = yaml.safe_load(content)["names"]
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name) for number, name in pairs}
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise InvalidAnswers(f"the {CONTENT} of {path} has no list of names: {said}") from error


def _images(path: Path) -> int:
    """Return the number of images beside the texts of a folder."""
    folder = path / IMAGES
    return sum(file.is_file() for file in folder.rglob("*")) if folder.is_dir() else 0


def _is_list(content: bytes) -> bool:
    """Say whether a text lists images, as `train.txt` does, and so no label."""
    first = content.split(b"\n", 1)[0].strip().lower()
    return first.endswith(PICTURES)


def _rows(content: bytes) -> list[list[float]]:
    rows = []
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        try:
            values = [float(part) for part in line.split()]
        except ValueError:
            raise ValueError(f"line {number} has something other than numbers: {line!r:.60}") from None
        if not all(map(math.isfinite, values)):
            raise ValueError(f"line {number} has a number that is not finite")
        if values:
            rows.append(values)
    return rows


def _name(row: Sequence[float], names: Mapping[int, str]) -> str:
    if row[0] not in names:
        raise ValueError(f"has the class {row[0]:g}, which has no name")
    return names[int(row[0])]


def _boxes_label(rows: Sequence[Sequence[float]], names: Mapping[int, str]) -> str:
    boxes = []
    for row in rows:
        if len(row) not in (BOX, SCORED):
            raise ValueError(
                f"has a line of {len(row)} numbers, a polygon or a rotated box; alkit's boxes are upright: "
                "export boxes of class, x, y, width and height"
            )
        x, y, width, height = row[1:BOX]
        score = row[BOX] if len(row) == SCORED else None
        boxes.append(Box(_name(row, names), x - width / 2, y - height / 2, width, height, score=score))
    return boxes_text(boxes, fraction=True)


def _mask_label(rows: Sequence[Sequence[float]], names: Mapping[int, str]) -> str:
    shapes: list[dict[str, Any]] = []
    for row in rows:
        points = list(row[1:])
        if len(row) == BOX:
            x, y, width, height = points
            left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
            points = [left, top, right, top, right, bottom, left, bottom]
        if len(points) % 2 or len(points) < 6:
            raise ValueError(f"has a line of {len(row)} numbers, which is no polygon")
        shapes.append({"class": _name(row, names), "polygon": [points]})
    return mask_text(None, shapes, fraction=True)


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer YOLO's folders."""
    return [Yolo]
