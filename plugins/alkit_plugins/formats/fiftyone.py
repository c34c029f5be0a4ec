"""FiftyOne: its data sets for classification and detection, without its package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import (
    ABSTAIN,
    UNUSABLE,
    GivenAnswer,
    load_json_parts,
    whole,
    write_atomically,
)

from .boxes import Box, boxes_of, boxes_text, numbers
from .class_sets import NONE, refuse_unknown, set_of, text_of
from .image_folder import ImageFolder
from .reading import json_of

LABELS, DATA = "labels.json", "data"
CROWD = "iscrowd"


@dataclass(kw_only=True)
class FiftyOne(ImageFolder):
    """A folder `data/` with the images, and `labels.json` with the classes and each image's label or null.

    A FiftyOneImageClassificationDataset; of boxes, a FiftyOneImageDetectionDataset.
    """

    name: ClassVar[str] = "fiftyone"
    unit: ClassVar[str] = "image"
    kinds: ClassVar[frozenset[str]] = frozenset({"class", "classes", "boxes"})

    def recognizes(self, path: Path) -> bool:
        """Accept such a folder or its `labels.json`."""
        file = _labels_of(path)
        return file.is_file() and any(_is_fiftyone(content) for _, content in json_of(file, LABELS))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the folder."""
        if self.kind == "classes":
            refuse_unknown(export, self.name)
        labels = {Path(item.name).stem: _target(item, self.kind) for item in export.items}
        content = {"classes": export.choices, "labels": labels}
        with whole(path) as folder:
            (folder / DATA).mkdir()
            for item in export.items:
                self.put(export, item, folder / DATA / item.name)
            write_atomically(folder / LABELS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the labels: names or positions in the list of classes, either plain or as objects."""
        parts = [content for _, content in load_json_parts(_labels_of(path), LABELS) if _is_fiftyone(content)]
        if not parts:
            raise InvalidAnswers(
                f"{path} is not a FiftyOne data set; {LABELS} should contain classes and labels"
            )
        reply = Reply()
        blank = sum(_take(reply, content, self.kind) for content in parts)
        return Reply(reply.answers, reply.rejected, blank)


def _take(reply: Reply, content: Mapping[str, Any], kind: str) -> int:
    """Add the labels of a file to a reply; return how many images have none."""
    blank = 0
    read = {"class": _label, "classes": _set, "boxes": _boxes}[kind]
    for number, (name, target) in enumerate(content["labels"].items(), start=1):
        label = read(target, content.get("classes") or [])
        if label is None:
            blank += 1
        elif not label:
            reply.reject(number, f"'{name}' has a label that cannot be understood: {target!r:.80}")
        else:
            reply.answers.append(GivenAnswer.of_file(number, name, label))
    return blank


def _labels_of(path: Path) -> Path:
    return path / LABELS if path.is_dir() else path


def _is_fiftyone(content: Any) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        return False
    return content.get("classes") is None or isinstance(content["classes"], list)


def _label(target: Any, classes: Sequence[Any]) -> str | None:
    """Return the name of a label; None if there is no label, empty if it cannot be understood."""
    if isinstance(target, dict):
        target = target.get("label")
    if isinstance(target, int) and not isinstance(target, bool):
        target = classes[target] if 0 <= target < len(classes) else ""
    if target is None:
        return None
    return target if isinstance(target, str) and target.strip() else ""


def _set(target: Any, classes: Sequence[Any]) -> str | None:
    """Return the set of the labels of an image; a single word may say that it has none."""
    if target is None:
        return None
    if not isinstance(target, list):
        word = _label(target, classes)
        return word if word in (ABSTAIN, UNUSABLE) else text_of([word]) if word else ""
    names = [_label(each, classes) for each in target]
    if any(not name for name in names):
        return ""
    return text_of(name for name in names if name) if names else NONE


def _boxes(target: Any, classes: Sequence[Any]) -> str | None:
    """Return the boxes of an image."""
    if target is None:
        return None
    if not isinstance(target, list):
        return _label(target, classes)
    boxes: list[Box] = []
    for each in target:
        name = _label(each, classes)
        given = each.get("bounding_box") if isinstance(each, dict) else None
        sides = numbers(given) if isinstance(given, list) else None
        if not name or sides is None or len(sides) != 4:
            return ""
        attributes = each.get("attributes")
        crowd = isinstance(attributes, dict) and attributes.get(CROWD) in (1, True)
        x, y, width, height = sides
        boxes.append(Box(name, x, y, width, height, crowd=crowd))
    return boxes_text(boxes, fraction=True)


def _target(item: Item, kind: str) -> Any:
    """Return what `labels.json` says of an image."""
    copied = {"attributes": {"copied_from": item.copied_from}} if item.copied_from else {}
    if kind == "class" or item.answer in (None, ABSTAIN, UNUSABLE):
        return {"label": item.answer, **copied} if copied else item.answer
    if kind == "classes":
        return [{"label": name, **copied} for name in set_of(item.answer)[0]]
    return [
        {
            "label": box.name,
            "bounding_box": [
                box.x / item.width,
                box.y / item.height,
                box.width / item.width,
                box.height / item.height,
            ],
            **({"attributes": {CROWD: 1}} if box.crowd else {}),
        }
        for box in boxes_of(item.answer)
    ]


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer FiftyOne's folders."""
    return [FiftyOne]
