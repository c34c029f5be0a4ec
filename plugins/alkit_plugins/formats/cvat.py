"""CVAT: "CVAT for images 1.1", XML with one tag per image, alone or in a ZIP archive with the images."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.sax.saxutils import escape, quoteattr

import alkit
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import GivenAnswer, elements, write_atomically

MEMBER = "annotations.xml"
SHAPES = frozenset({"box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton"})


@dataclass(kw_only=True)
class Cvat(Format):
    """Images and tags for CVAT; the file name identifies an image.

    A `.zip` file contains the images too, a `.xml` file only the tags.
    """

    name: ClassVar[str] = "cvat"
    extensions: ClassVar[tuple[str, ...]] = (".zip", ".xml")
    unit: ClassVar[str] = "image"

    def recognizes(self, path: Path) -> bool:
        """Accept XML that begins with `annotations`, or an archive with such a file."""
        if not path.is_file():
            return False
        try:
            return next(elements(path, MEMBER)).name == "annotations"
        except StopIteration:
            return False
        except InvalidAnswers:
            if path.suffix.lower() == ".xml":
                raise
            return False

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the archive, or only the XML."""
        text = _xml(export)
        if path.suffix.lower() != ".zip":
            write_atomically(path, text)
            return [path]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:  # images are compressed already
            archive.writestr(zipfile.ZipInfo(MEMBER), text)
            for item in export.items:
                archive.writestr(zipfile.ZipInfo(f"images/{item.name}"), export.content(item))
        write_atomically(path, packed.getbuffer())
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the tag of each image.

        Raises:
            InvalidAnswers: it is not such a file, or one for video, whose frames have no file names.
        """
        tags: list[str] = []
        shapes: set[str] = set()
        name, number, blank = "", 0, 0
        reply = Reply()
        for index, element in enumerate(elements(path, MEMBER)):
            if index == 0 and element.name != "annotations":
                raise InvalidAnswers(
                    f"{path} is not a CVAT file; it should begin with 'annotations', not '{element.name}'"
                )
            if element.name == "track":
                raise InvalidAnswers(
                    f"{path} is 'CVAT for video', which names no images; export it as 'CVAT for images 1.1'"
                )
            if element.name == "tag" and element.begins:
                tags.append(element.attributes.get("label", ""))
            elif element.name == "image" and element.begins:
                name, tags, shapes, number = element.attributes.get("name", ""), [], set(), number + 1
            elif element.name == "image":
                blank += _take(reply, number, name, tags, shapes)
            elif element.name in SHAPES:
                shapes.add(element.name)
        return Reply(reply.answers, reply.rejected, blank)


def _take(reply: Reply, number: int, name: str, tags: Iterable[str], shapes: Iterable[str]) -> bool:
    """Add an image's tag to the reply; return whether the image is not answered."""
    labels = list(dict.fromkeys(tags))
    if not labels and shapes:
        reply.reject(number, f"'{name}' has a {' and a '.join(sorted(shapes))}, but no tag; give it a tag")
    elif not labels:
        return True
    elif len(labels) > 1 or not labels[0].strip():
        reply.reject(number, f"'{name}' has the tags {', '.join(map(repr, labels))}; keep only one")
    elif name.strip():
        reply.answers.append(GivenAnswer.of_file(number, name, labels[0]))
    else:
        reply.reject(number, "has no name")
    return False


def _xml(export: Export) -> str:
    labels = [f"<label><name>{_text(c)}</name><type>tag</type><attributes/></label>" for c in export.choices]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            "<annotations>",
            "<version>1.1</version>",
            f"<meta><task><name>{_text(export.title)}</name><size>{len(export.items)}</size>",
            "<mode>annotation</mode>",
            "<labels>",
            *labels,
            "</labels>",
            "</task></meta>",
            *map(_image, export.items),
            "</annotations>",
            "",
        ]
    )


def _image(item: Item) -> str:
    tag = "" if item.answer is None else f'<tag label={quoteattr(_printable(item.answer))} source="manual"/>'
    size = f'width="{item.width}" height="{item.height}"'
    return f'<image id="{item.rank - 1}" name={quoteattr(item.name)} {size}>{tag}</image>'


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Return a text that can be written in XML.

    Raises:
        InvalidOption: it contains a character that XML does not allow.
    """
    if any(ord(letter) < 32 or letter in "\ufffe\uffff" for letter in text):
        raise InvalidOption(f"the name {text!r} cannot be written in XML; choose another format")
    return text


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer CVAT's files."""
    return [Cvat]
