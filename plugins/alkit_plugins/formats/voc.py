"""Pascal VOC: a folder with images, an XML of boxes for each, or a PNG in the colors of `labelmap.txt`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar
from xml.sax.saxutils import escape

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import (
    ABSTAIN,
    UNUSABLE,
    GivenAnswer,
    elements_of,
    read_tree,
    whole,
    write_atomically,
)

from .boxes import Box, boxes_of, boxes_text, refuse_crowds
from .image_folder import ImageFolder
from .reading import is_there
from .voc_masks import LABELMAP, encode_colors, labelmap_of, names_by_color, shapes_of

XML, MASKS, IMAGES, LISTS = "Annotations", "SegmentationClass", "JPEGImages", "ImageSets"
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(kw_only=True)
class Voc(ImageFolder):
    """Folders `JPEGImages`, `Annotations` or `SegmentationClass`, and `ImageSets`.

    An XML without objects says that there is nothing; an image without XML or mask is not answered yet.
    """

    name: ClassVar[str] = "voc"
    unit: ClassVar[str] = "file"
    kinds: ClassVar[frozenset[str]] = frozenset({"boxes", "mask"})

    def recognizes(self, path: Path) -> bool:
        """Accept a folder or an archive with such folders."""
        folder = path.is_dir() and ((path / XML).is_dir() or (path / MASKS).is_dir())
        return folder or (not path.is_dir() and is_there(path, (f"/{LABELMAP}", LABELMAP)))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the folder; images with an answer have an XML or a mask.

        Raises:
            InvalidOption: a box is around a crowd, for which there is no place.
        """
        if self.kind == "boxes":
            refuse_crowds(export, self.name, ("coco", "jsonl"))
        with whole(path) as folder:
            kinds = (IMAGES, XML if self.kind == "boxes" else MASKS)
            lists = folder / LISTS / ("Main" if self.kind == "boxes" else "Segmentation")
            for name in kinds:
                (folder / name).mkdir()
            lists.mkdir(parents=True)
            stems = [Path(item.name).stem for item in export.items]
            write_atomically(lists / "default.txt", "".join(f"{stem}\n" for stem in stems))
            write_atomically(folder / LABELMAP, labelmap_of(export.classes))
            for item, stem in zip(export.items, stems, strict=True):
                self.put(export, item, folder / IMAGES / item.name)
                if item.answer is None or item.answer in (ABSTAIN, UNUSABLE):
                    continue
                if self.kind == "boxes":
                    write_atomically(folder / XML / f"{stem}.xml", "\n".join(_xml(item)))
                elif export.mask is not None:
                    content = encode_colors(export.mask(item), export.classes)
                    write_atomically(folder / MASKS / f"{stem}.png", content)
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the XML or the mask of each image.

        Raises:
            InvalidAnswers: there are masks, but nothing says which color is which class.
        """
        return self._read_masks(path) if self.kind == "mask" else self._read_boxes(path)

    def _read_boxes(self, path: Path) -> Reply:
        reply = Reply()
        parts = [part for part in read_tree(path, ".xml") if XML in PurePosixPath(part.name).parts[:-1]]
        for number, part in enumerate(parts, start=1):
            try:
                name, boxes = _boxes(path, part.content)
            except (ValueError, InvalidAnswers) as error:
                reply.reject(number, f"{part.name} {error}")
                continue
            named = name or PurePosixPath(part.name).stem
            reply.answers.append(GivenAnswer.of_file(number, named, boxes_text(boxes)))
        return Reply(reply.answers, reply.rejected, max(0, _images(path) - len(parts)))

    def _read_masks(self, path: Path) -> Reply:
        reply = Reply()
        parts = [part for part in read_tree(path, ".png") if MASKS in PurePosixPath(part.name).parts[:-1]]
        if not parts:
            return Reply(blank=_images(path))
        maps = read_tree(path, LABELMAP)
        if not maps:
            raise InvalidAnswers(
                f"{path} has no {LABELMAP}, which says the color of each class; put it there, as in "
                "'road:128,64,128::', or read numbers with --format masks"
            )
        colors = names_by_color(maps[0].content)
        for number, part in enumerate(parts, start=1):
            try:
                label = shapes_of(part.content, colors)
            except ValueError as error:
                reply.reject(number, f"{part.name} {error}")
                continue
            stem = PurePosixPath(part.name.split(f"{MASKS}/", 1)[-1]).with_suffix("").as_posix()
            reply.answers.append(GivenAnswer.of_file(number, stem, label))
        return Reply(reply.answers, reply.rejected, max(0, _images(path) - len(parts)))


def _images(path: Path) -> int:
    folder = path / IMAGES
    return sum(file.is_file() for file in folder.rglob("*")) if folder.is_dir() else 0


def _xml(item: Item) -> Iterator[str]:
    yield f"<annotation><folder>{IMAGES}</folder><filename>{escape(item.name)}</filename>"
    yield f"<size><width>{item.width}</width><height>{item.height}</height><depth>3</depth></size>"
    for box in boxes_of(item.answer):
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        sides = "".join(
            f"<{side}>{corner:.10g}</{side}>" for side, corner in zip(SIDES, corners, strict=True)
        )
        yield (
            f"<object><name>{escape(box.name)}</name><pose>Unspecified</pose><truncated>0</truncated>"
            f"<difficult>0</difficult><bndbox>{sides}</bndbox></object>"
        )
    yield "</annotation>\n"


def _boxes(path: Path, content: bytes) -> tuple[str, list[Box]]:
    """Return the name of the file that an XML is about, and its boxes.

    Raises:
        ValueError: it is not such a file, or a box has no place in a label.
    """
    boxes: list[Box] = []
    name, label, corners, within = "", "", dict[str, str](), list[str]()
    for index, element in enumerate(elements_of(path, content)):
        if index == 0 and element.name != "annotation":
            raise ValueError(f"begins with '{element.name}', not with 'annotation'")
        if element.begins:
            within.append(element.name)
            if element.name == "object":
                label, corners = "", {}
            if element.name in ("robndbox", "polygon"):
                raise ValueError(
                    f"has a {element.name} of '{label}'; alkit's boxes are upright: draw it as a bndbox"
                )
            continue
        within.pop()
        text, inside = element.text.strip(), within[-1:] or [""]
        if element.name == "filename":
            name = text
        elif element.name == "name" and inside == ["object"]:
            label = text
        elif element.name in SIDES and inside == ["bndbox"] and within[-2:-1] == ["object"]:
            corners[element.name] = text
        elif element.name == "object":
            boxes.append(_box(label, corners))
    return name, boxes


def _box(label: str, corners: Mapping[str, str]) -> Box:
    try:
        left, top, right, bottom = (float(corners[side]) for side in SIDES)
    except (KeyError, ValueError):
        raise ValueError(f"has an object '{label}' without numbers for {', '.join(SIDES)}") from None
    return Box(label, left, top, right - left, bottom - top)


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer folders of Pascal VOC."""
    return [Voc]
