"""Label Studio's labeling configurations: what annotators are asked, for each kind of labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

from alkit.errors import InvalidOption
from alkit.interfaces import Export, Number
from alkit.labeling import ABSTAIN, UNUSABLE, palette

from ..regions import drawable
from .flat import CONTROL
from .regions import BOX, BRUSH, POLYGON
from .results import NUMBER, number_controls

KEYS = 9  # classes that a key of their own answers


def configuration_for(export: Export, kind: str = "class") -> str:
    """Return the labeling configuration.

    It asks for a choice of the classes and `unusable`, the first nine with keys; for any number of classes;
    for numbers; or for regions. Where the answer is not a choice, there is one for `unusable` besides.

    Args:
        export: what to label.
        kind: of the labels.

    Raises:
        InvalidOption: there are no classes to choose from.
    """
    if not export.classes and kind != "number":
        raise InvalidOption(
            "the campaign has no classes to choose from yet; take in a label first, with 'alkit ingest FILE "
            "--allow-new-classes'"
        )
    lines = ["<View>", *_image(kind), *_questions(export, kind), "</View>", ""]
    return "\n".join(lines)


def _image(kind: str) -> list[str]:
    zoom = ' zoom="true" zoomControl="true"' if kind in ("mask", "boxes") else ""
    return [f'  <Image name="image" value="$image"{zoom}/>']


def _questions(export: Export, kind: str) -> list[str]:
    if kind in ("class", "classes"):
        words = [word for word in export.choices if word != ABSTAIN or word in export.classes]
        return _choices(words, export.classes, several=kind == "classes")
    if kind == "number":
        return [*_numbers(export), *_choices([UNUSABLE])]
    names = drawable(export) if kind == "mask" else export.classes
    tags = {"mask": (("BrushLabels", BRUSH), ("PolygonLabels", POLYGON))}
    shown = tags.get(kind, (("RectangleLabels", BOX),))
    return [*(line for tag, name in shown for line in _labels(tag, name, names)), *_choices([UNUSABLE])]


def _choices(words: Iterable[str], keyed: Sequence[str] = (), *, several: bool = False) -> list[str]:
    kind = "multiple" if several else "single"
    head = f'  <Choices name="{CONTROL}" toName="image" choice="{kind}" showInline="true">'
    lines = []
    for number, word in enumerate(words, start=1):
        key = f' hotkey="{number}"' if number <= KEYS and word in keyed else ""
        lines.append(f"    <Choice value={quoteattr(word)}{key}/>")
    return [head, *lines, "  </Choices>"]


def _numbers(export: Export) -> list[str]:
    labels = export.labels if isinstance(export.labels, Number) else Number()
    limits = [("min", labels.low), ("max", labels.high)]
    given = "".join(f' {name}="{limit:g}"' for name, limit in limits if math.isfinite(limit))
    names = number_controls(labels.count)
    heads = names if len(names) > 1 else [NUMBER]
    return [
        line
        for name, head in zip(names, heads, strict=True)
        for line in (
            f'  <Header value="{head}"/>',
            f'  <Number name="{name}" toName="image"{given} step="any"/>',
        )
    ]


def _labels(tag: str, name: str, classes: Sequence[str]) -> list[str]:
    """Return a control whose labels have the colors that alkit draws masks in."""
    colors = palette()
    lines = []
    for number, label in enumerate(classes):
        red, green, blue = colors[number % 255].tolist()
        color = f"#{red:02x}{green:02x}{blue:02x}"
        lines.append(f'    <Label value={quoteattr(label)} background="{color}"/>')
    return [f'  <{tag} name="{name}" toName="image">', *lines, f"  </{tag}>"]
