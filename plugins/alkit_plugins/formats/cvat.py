"""CVAT: "CVAT for images 1.1", XML with tags or shapes, alone or in a ZIP archive with the images."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from xml.sax.saxutils import escape, quoteattr

import alkit
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import ABSTAIN, BACKGROUND, UNUSABLE, GivenAnswer, elements, write_atomically

from .boxes import boxes_of, boxes_text
from .class_sets import NONE, refuse_unknown, set_of, text_of
from .cvat_shapes import CROWD, TRUE, Drawn, box_element, box_of, mask_elements, mask_of
from .regions import drawable

MEMBER = "annotations.xml"
ATTRIBUTE = "attribute"
CHECKBOX = (
    f"<attribute><name>{CROWD}</name><mutable>False</mutable><input_type>checkbox</input_type>"
    "<default_value>false</default_value><values>false</values></attribute>"
)
SHAPES = frozenset({"box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton"})


@dataclass(kw_only=True)
class Cvat(Format):
    """Images with tags, masks or boxes for CVAT; the file name identifies an image.

    A `.zip` file contains the images too, a `.xml` file only the annotations.
    """

    name: ClassVar[str] = "cvat"
    extensions: ClassVar[tuple[str, ...]] = (".zip", ".xml")
    unit: ClassVar[str] = "image"
    kinds: ClassVar[frozenset[str]] = frozenset({"class", "classes", "mask", "boxes"})

    empty: Literal["unanswered", "nothing"] = alkit.option(
        "unanswered",
        "what an image without shapes is, for boxes and masks: not answered yet, or an answer that there is "
        "nothing",
    )

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
        if self.kind == "classes":
            refuse_unknown(export, self.name)
        text = _xml(export, self.kind)
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
        """Read the tag or tags of each image, or its shapes.

        Raises:
            InvalidAnswers: it is not such a file, or one for video, whose frames have no file names.
        """
        image: dict[str, str] = {}
        tags: list[str] = []
        shapes: list[Drawn] = []
        asked, number, blank = "", 0, 0
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
                image, tags, shapes, number = element.attributes, [], [], number + 1
            elif element.name == "image":
                blank += self._take(reply, number, image, tags, shapes)
            elif element.name in SHAPES and element.begins:
                shapes.append(Drawn(element.name, element.attributes))
            elif element.name == ATTRIBUTE and shapes:
                if element.begins:
                    asked = element.attributes.get("name", "")
                elif asked == CROWD and element.text.strip().lower() == TRUE:
                    shapes[-1] = Drawn(shapes[-1].kind, {**shapes[-1].attributes, CROWD: TRUE})
        return Reply(reply.answers, reply.rejected, blank)

    def _take(
        self,
        reply: Reply,
        number: int,
        image: Mapping[str, str],
        tags: Sequence[str],
        shapes: Sequence[Drawn],
    ) -> bool:
        """Add what is said of an image to the reply; return whether the image is not answered."""
        name = image.get("name", "")
        try:
            label = self._label(image, list(dict.fromkeys(tags)), shapes)
        except ValueError as error:
            reply.reject(number, f"'{name}' {error}")
            return False
        if label is None:
            return True
        if name.strip():
            reply.answers.append(GivenAnswer.of_file(number, name, label))
        else:
            reply.reject(number, "has no name")
        return False

    def _label(self, image: Mapping[str, str], tags: Sequence[str], shapes: Sequence[Drawn]) -> str | None:
        """Return what tags and shapes say; None if there are none.

        Raises:
            ValueError: they say no label of this kind; the message goes on after the name of the image.
        """
        if self.kind != "class" and len(tags) == 1 and tags[0] in (ABSTAIN, UNUSABLE):
            return tags[0]
        if self.kind in ("mask", "boxes"):
            nothing = self.empty == "nothing" or [*tags] in ([BACKGROUND], [NONE])
            if not shapes and not nothing:
                return None
            return mask_of(image, shapes) if self.kind == "mask" else boxes_text(map(box_of, shapes))
        if not tags and shapes:
            drawn = " and a ".join(sorted({shape.kind for shape in shapes}))
            raise ValueError(f"has a {drawn}, but no tag; give it a tag")
        if self.kind == "classes":
            return None if not tags else NONE if [*tags] == [NONE] else text_of(tags)
        if len(tags) > 1 or not all(tag.strip() for tag in tags):
            raise ValueError(f"has the tags {', '.join(map(repr, tags))}; keep only one")
        return tags[0] if tags else None


def _xml(export: Export, kind: str) -> str:
    labels = [_label_element(name, kind) for name in _names(export, kind)]
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
            *(_image(export, item, kind) for item in export.items),
            "</annotations>",
            "",
        ]
    )


def _names(export: Export, kind: str) -> list[str]:
    """Return the labels that people may use, with those that say that there is nothing to say."""
    if kind in ("classes", "boxes") and NONE not in export.classes:
        return [*export.choices, NONE]
    extra = drawable(export)[len(export.classes) :] if kind == "mask" else []
    return [*export.choices, *extra]


def _label_element(name: str, kind: str) -> str:
    tagged = kind in ("class", "classes") or name in (ABSTAIN, UNUSABLE, NONE)
    type = "tag" if tagged else "rectangle" if kind == "boxes" else "any"
    asked = f"<attributes>{CHECKBOX}</attributes>" if type == "rectangle" else "<attributes/>"
    return f"<label><name>{_text(name)}</name><type>{type}</type>{asked}</label>"


def _image(export: Export, item: Item, kind: str) -> str:
    size = f'width="{item.width}" height="{item.height}"'
    content = "" if item.answer is None else "".join(_content(export, item, kind))
    return f'<image id="{item.rank - 1}" name={quoteattr(item.name)} {size}>{content}</image>'


def _content(export: Export, item: Item, kind: str) -> Iterable[str]:
    """Return the tags and shapes that say what the answer of an item is."""
    answer = str(item.answer)
    source = "auto" if item.copied_from else "manual"
    if kind == "class" or answer in (ABSTAIN, UNUSABLE):
        return [_tag(answer, source)]
    if kind == "classes":
        return [_tag(name, source) for name in set_of(answer)[0] or [NONE]]
    if kind == "boxes":
        return [box_element(box) for box in boxes_of(answer)] or [_tag(NONE)]
    nothing = [_tag(BACKGROUND)] if BACKGROUND in export.classes else []
    return [*mask_elements(export, item)] or nothing


def _tag(label: str, source: str = "manual") -> str:
    return f'<tag label={quoteattr(_printable(label))} source="{source}"/>'


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
