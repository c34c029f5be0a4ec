"""COCO: JSON with images and categories; it comes back with the categories or masks of each image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import (
    ABSTAIN,
    UNUSABLE,
    GivenAnswer,
    as_index,
    as_number,
    load_json_parts,
    place,
    whole,
    write_atomically,
)

from .boxes import boxes_of
from .class_sets import set_of, text_of
from .coco_boxes import box_annotations, box_label
from .coco_masks import Annotation, Drawing, mask_annotations, mask_label
from .reading import json_of
from .regions import drawable

KEYS = ("images", "categories", "annotations")


@dataclass(kw_only=True)
class Coco(Format):
    """Images, categories, annotations; `alkit_index` and `alkit_hash`, or the file name, name an image."""

    name: ClassVar[str] = "coco"
    extensions: ClassVar[tuple[str, ...]] = (".json",)
    unit: ClassVar[str] = "image"
    kinds: ClassVar[frozenset[str]] = frozenset({"class", "classes", "mask", "boxes"})

    images: Literal["none", "copy", "link"] = alkit.option(
        "none",
        "image files next to the JSON, with names that identify them in any tool: none, copies, or symbolic "
        "links (a tool that writes to a link changes the original)",
    )

    masks: Drawing = alkit.option(
        "rle",
        "masks as run lengths of each class (iscrowd=1), or as polygons of each connected piece; both give "
        "the same pixels back",
    )

    empty: Literal["unanswered", "nothing"] = alkit.option(
        "unanswered",
        "what an image without annotations is, for boxes and masks: not answered yet, or an answer that "
        "there is nothing",
    )

    def recognizes(self, path: Path) -> bool:
        """Accept a JSON object with images and categories, alone or in an archive."""
        return path.is_file() and any(_is_coco(content) for _, content in json_of(path))

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
        names = [*export.choices, *(drawable(export)[len(export.classes) :] if self.kind == "mask" else [])]
        numbers = {name: number for number, name in enumerate(names, start=1)}
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
                    **({"alkit_note": item.note} if item.note else {}),
                    **({"alkit_copied_from": item.copied_from} if item.copied_from else {}),
                    **self._beyond_annotations(item),
                }
                for item in export.items
            ],
            "categories": [{"id": number, "name": name} for name, number in numbers.items()],
            "annotations": self._annotations(export, numbers),
        }
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return [path, *beside]

    def _annotations(self, export: Export, numbers: Mapping[str, int]) -> list[dict[str, Any]]:
        if self.kind == "mask":
            return list(mask_annotations(export, export.items, numbers, self.masks))
        if self.kind == "boxes":
            return list(box_annotations(export.items, numbers))
        if self.kind == "classes":
            found = [(item, name) for item in export.items for name in set_of(item.answer)[0]]
            return [
                {**_annotation(item, numbers[name]), "id": number}
                for number, (item, name) in enumerate(found, start=1)
            ]
        return [_annotation(item, numbers[item.answer]) for item in export.items if item.answer is not None]

    def _beyond_annotations(self, item: Item) -> dict[str, Any]:
        """Return what annotations cannot say: that there is nothing, and what of a set is unknown."""
        if item.answer is None or self.kind in ("class", "mask"):
            return {}
        if self.kind == "boxes":
            answered = boxes_of(item.answer) or item.answer in (ABSTAIN, UNUSABLE)
            return {} if answered else {"alkit_none": True}
        names, unknown = set_of(item.answer)
        said: dict[str, Any] = {"alkit_unknown": unknown} if unknown else {}
        return said if names else said | {"alkit_none": True}

    def read(self, path: Path) -> Reply:
        """Read the category or categories of each image, its polygons and run lengths, or its boxes.

        Ids that are equal as numbers or as texts belong together (`1`, `1.0`, `"1"`). Several files in an
        archive are splits of one data set.
        """
        reply = Reply()
        blank = 0
        parts = [(name, content) for name, content in load_json_parts(path) if _is_coco(content)]
        if not parts:
            raise InvalidAnswers(f"{path} is not a COCO file; it should have lists of {', '.join(KEYS)}")
        for name, content in parts:
            missing = [key for key in KEYS if not isinstance(content.get(key), list)]
            if missing:
                raise InvalidAnswers(
                    f"{path} has no {' and no '.join(missing)} in {name}; export instances or classification "
                    "in the COCO format, with annotations"
                )
            blank += self._take(reply, content)
        return Reply(reply.answers, reply.rejected, blank)

    def _take(self, reply: Reply, content: Mapping[str, Any]) -> int:
        """Add the answers of a file to a reply; return how many images have none."""
        names = {_id(row.get("id")): str(row.get("name")) for row in _rows(content, "categories")}
        images = {_id(row.get("id")): row for row in _rows(content, "images")}
        found: dict[float | str, list[Annotation]] = {}
        for number, row in enumerate(_rows(content, "annotations"), start=1):
            image_id, category = _id(row.get("image_id")), _id(row.get("category_id"))
            if image_id not in images:
                reply.reject(
                    0, f"annotation {number} is of image {row.get('image_id')}, which is not in the list"
                )
            elif category not in names:
                reply.reject(
                    0, f"annotation {number} has category {row.get('category_id')}, which is not listed"
                )
            else:
                found.setdefault(image_id, []).append((names[category], row))
        return sum(
            self._take_image(reply, number, image, found.get(id, []))
            for number, (id, image) in enumerate(images.items(), start=1)
        )

    def _take_image(
        self, reply: Reply, number: int, image: Mapping[str, Any], annotations: Sequence[Annotation]
    ) -> bool:
        """Add the answer for an image to a reply; return whether there is none."""
        try:
            label = self._label(image, annotations)
        except ValueError as error:
            reply.reject(number, str(error))
            return False
        mark, name = _mark(image), image.get("file_name")
        if label is None:
            return True
        if mark is not None:
            reply.answers.append(GivenAnswer(number, "", label, index=mark[0], hash=mark[1]))
        elif isinstance(name, str) and name.strip():
            reply.answers.append(GivenAnswer.of_file(number, name, label))
        else:
            reply.reject(number, "has no file_name, and no alkit_index and alkit_hash")
        return False

    def _label(self, image: Mapping[str, Any], annotations: Sequence[Annotation]) -> str | None:
        """Return the label that the annotations of an image make; None if there are none.

        Raises:
            ValueError: they make none.
        """
        nothing = self.empty == "nothing" or image.get("alkit_none") is True
        names = list(dict.fromkeys(name for name, _ in annotations))
        if self.kind in ("mask", "boxes"):
            if not annotations and not nothing:
                return None
            return mask_label(image, annotations) if self.kind == "mask" else box_label(annotations)
        if self.kind == "classes":
            unknown = image.get("alkit_unknown")
            names += [str(name) for name in unknown or [] if isinstance(unknown, list)]
            return text_of(names) if names or image.get("alkit_none") is True else None
        if len(names) > 1 or (names and not names[0].strip()):
            raise ValueError(f"has the labels {', '.join(map(repr, names))}; keep only one")
        return names[0] if names else None


def _id(value: Any) -> float | str:
    """Return an id in the form in which equal ones are equal."""
    number = as_number(str(value))
    return str(value) if number is None else number


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
    """Say whether there are images and, besides, at least one of the other lists."""
    there = [isinstance(content, dict) and isinstance(content.get(key), list) for key in KEYS]
    return there[0] and any(there[1:])


def _rows(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = content.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _mark(image: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return index and hash as alkit wrote them beside the name, or None."""
    index, hash = as_index(str(image.get("alkit_index"))), image.get("alkit_hash")
    if index is not None and isinstance(hash, str) and hash:
        return index, hash
    return None


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer COCO."""
    return [Coco]
