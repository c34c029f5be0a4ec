"""FiftyOne: the FiftyOneImageClassificationDataset that it loads and exports, without its package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import GivenAnswer, load_json_parts, place, whole, write_atomically

from .reading import json_of

LABELS, DATA = "labels.json", "data"


@dataclass(kw_only=True)
class FiftyOne(Format):
    """A folder `data/` with the images, and `labels.json` with the classes and each image's label or null."""

    name: ClassVar[str] = "fiftyone"
    extensions: ClassVar[tuple[str, ...]] = ("",)
    unit: ClassVar[str] = "image"

    images: Literal["copy", "link"] = alkit.option(
        "copy", "copies of the images, or symbolic links (a tool that writes to a link changes the original)"
    )

    def recognizes(self, path: Path) -> bool:
        """Accept such a folder or its `labels.json`."""
        file = _labels_of(path)
        return file.is_file() and any(_is_fiftyone(content) for _, content in json_of(file, LABELS))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the folder."""
        labels = {Path(item.name).stem: item.answer for item in export.items}
        content = {"classes": export.choices, "labels": labels}
        with whole(path) as folder:
            (folder / DATA).mkdir()
            for item in export.items:
                place(export, item, folder / DATA / item.name, link=self.images == "link")
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
        blank = sum(_take(reply, content) for content in parts)
        return Reply(reply.answers, reply.rejected, blank)


def _take(reply: Reply, content: Mapping[str, Any]) -> int:
    """Add the labels of a file to a reply; return how many images have none."""
    blank = 0
    for number, (name, target) in enumerate(content["labels"].items(), start=1):
        label = _label(target, content.get("classes") or [])
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


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer FiftyOne's folders."""
    return [FiftyOne]
