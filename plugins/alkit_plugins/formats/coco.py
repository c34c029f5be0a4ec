"""COCO: JSON with images and categories; it comes back with one annotation per image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import GivenAnswer, find_mark, load_json, place, whole, write_atomically

KEYS = ("images", "categories")


@dataclass(kw_only=True)
class Coco(Format):
    """Images and categories; `alkit_index` and `alkit_hash`, or the file name, identify an image."""

    name: ClassVar[str] = "coco"
    extensions: ClassVar[tuple[str, ...]] = (".json",)
    unit: ClassVar[str] = "image"

    images: Literal["none", "copy", "link"] = alkit.option(
        "none",
        "image files next to the JSON, with names that identify them in any tool: none, copies, or symbolic "
        "links (a tool that writes to a link changes the original)",
    )

    def recognizes(self, path: Path) -> bool:
        """Accept a JSON object with images and categories, alone or in an archive."""
        try:
            return path.is_file() and _is_coco(load_json(path, ".json"))
        except InvalidAnswers:
            return False

    def beside(self, path: Path) -> list[Path]:
        """Return the folder of images, if the options ask for one."""
        return [] if self.images == "none" else [path.with_name(f"{path.stem}-images")]

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the JSON, and the images into a folder next to it if the options ask for it."""
        beside = self.beside(path)
        for folder in beside:
            with whole(folder) as images:
                for item in export.items:
                    place(export, item, images / item.name, link=self.images == "link")
        numbers = {name: number for number, name in enumerate(export.choices, start=1)}
        content = {
            "info": {"description": export.title},
            "images": [
                {
                    "id": item.rank,
                    "file_name": f"{beside[0].name}/{item.name}" if beside else item.image,
                    "width": item.width,
                    "height": item.height,
                    "alkit_index": item.index,
                    "alkit_hash": item.hash,
                }
                for item in export.items
            ],
            "categories": [{"id": number, "name": name} for name, number in numbers.items()],
            "annotations": [
                _annotation(item, numbers[item.answer]) for item in export.items if item.answer is not None
            ],
        }
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return [path, *beside]

    def read(self, path: Path) -> Reply:
        """Read the category of each image; ignore boxes and masks."""
        content = load_json(path, ".json")
        if not _is_coco(content):
            raise InvalidAnswers(f"{path} is not a COCO file; it should have lists of {' and '.join(KEYS)}")
        names = {str(row.get("id")): row.get("name") for row in _rows(content, "categories")}
        found: dict[str, list[Any]] = {}
        for row in _rows(content, "annotations"):
            category = str(row.get("category_id"))
            found.setdefault(str(row.get("image_id")), []).append(names.get(category, f"category {category}"))
        reply = Reply()
        blank = 0
        for number, image in enumerate(_rows(content, "images"), start=1):
            labels = list(dict.fromkeys(str(name) for name in found.get(str(image.get("id")), [])))
            mark = _mark(image)
            if not labels:
                blank += 1
            elif mark is None:
                reply.reject(number, "has neither alkit_index and alkit_hash nor a name written by alkit")
            elif len(labels) > 1 or not labels[0].strip():
                reply.reject(number, f"has the labels {', '.join(map(repr, labels))}; keep only one")
            else:
                reply.answers.append(GivenAnswer(number, mark[0], labels[0], hash=mark[1]))
        return Reply(reply.answers, reply.rejected, blank)


def _annotation(item: Item, category: int) -> dict[str, Any]:
    """Return an annotation of a whole image, with the box that some readers require."""
    box = [0, 0, item.width, item.height]
    return {
        "id": item.rank,
        "image_id": item.rank,
        "category_id": category,
        "bbox": box,
        "area": item.width * item.height,
        "iscrowd": 0,
    }


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in KEYS)


def _rows(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = content.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _mark(image: Mapping[str, Any]) -> tuple[str, str] | None:
    index, hash = image.get("alkit_index"), image.get("alkit_hash")
    if isinstance(index, int) and isinstance(hash, str) and hash:
        return str(index), hash
    return find_mark(str(image.get("file_name", "")))


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer COCO."""
    return [Coco]
