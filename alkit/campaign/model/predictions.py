"""What a model says about images: one record per image, and all of them together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from alkit.interfaces.labels import Boxes, ClassSet, ImageFacts
from alkit.reporting import notebook
from alkit.utils.counts import counted

TEXTS = ("class", "classes", "number", "boxes")
"""The kinds of labels that are predicted as text."""
KINDS = (*TEXTS, "mask")
"""The kinds of labels that a model may predict; also the name of the column with the label."""
SHOWN = 10  # images in a notebook
DIGITS = 6  # of a probability that is written


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedImage:
    """What the model says about one image.

    Attributes:
        path: the image as its source names it.
        label: the most probable class, or a set of classes, numbers or boxes as text, or the path of a mask;
            None if the image cannot be read.
        confidence: the probability of that class; of a set, that of its least certain class; of one number,
            its standard deviation if the model predicts that; of a mask, the mean over its pixels; of boxes,
            the highest score, None if there is no box.
        probabilities: of all classes, by name; empty unless asked for.
        error: why the image cannot be read, or None.
        kind: of the label: `class`, `classes`, `number`, `mask` or `boxes`.
        size: (width, height) of the upright image, in whose pixels boxes are; None for other labels.
    """

    path: str
    label: str | None = None
    confidence: float | None = None
    probabilities: Mapping[str, float] | None = None
    error: str | None = None
    kind: str = "class"
    size: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that the label names, one for each box; none for numbers and masks."""
        if self.label is None or self.kind in ("number", "mask"):
            return ()
        if self.kind == "class":
            return (self.label,)
        labels = Boxes() if self.kind == "boxes" else ClassSet()
        return tuple(labels.names(labels.parse(self.label, ImageFacts())))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values; probabilities only if there are some, and boxes as a list."""
        row: dict[str, Any] = {
            "path": self.path,
            self.kind: self.boxes if self.kind == "boxes" else self.label,
            spread_name(self.kind): self.confidence,
            "error": self.error,
        }
        if self.size is not None:
            row["width"], row["height"] = self.size
        if self.probabilities is not None:
            row["probabilities"] = dict(self.probabilities)
        return row

    @property
    def boxes(self) -> list[dict[str, Any]] | None:
        """The boxes of the label, in pixels of the upright image; None if there are other labels."""
        if self.label is None or self.kind != "boxes":
            return None
        found: list[dict[str, Any]] = [] if self.label == Boxes.nothing else json.loads(self.label)
        return found

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> PredictedImage:
        """Return what `as_dict` wrote."""
        kind = next(kind for kind in KINDS if kind in row)
        label = row[kind]
        return cls(
            kind=kind,
            path=row["path"],
            label=Boxes().text(label) if isinstance(label, list) else label,
            size=(row["width"], row["height"]) if "width" in row else None,
            confidence=row[spread_name(kind)],
            error=row["error"],
            probabilities=row.get("probabilities"),
        )


def spread_name(kind: str) -> str:
    """Return what says how sure a prediction is: the confidence, or the deviation of a number."""
    return "deviation" if kind == "number" else "confidence"


class Predictions(Sequence[PredictedImage]):
    """Predictions in the order of the images; prints in one line.

    Args:
        images: one record per image.
        classes: all names, in the order of the model's outputs.
    """

    def __init__(self, images: Sequence[PredictedImage], classes: Sequence[str]) -> None:
        self._images, self.classes = tuple(images), tuple(classes)

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by predicted class, the most frequent class first."""
        return dict(Counter(name for image in self for name in image.names).most_common())

    @property
    def unreadable(self) -> list[PredictedImage]:
        """The images that could not be read."""
        return [image for image in self if image.error is not None]

    def as_dict(self) -> dict[str, str]:
        """Return the predicted label by path, without the images that could not be read."""
        return {image.path: image.label for image in self if image.label is not None}

    @overload
    def __getitem__(self, index: int, /) -> PredictedImage: ...
    @overload
    def __getitem__(self, index: slice, /) -> Predictions: ...
    def __getitem__(self, index: int | slice, /) -> PredictedImage | Predictions:
        if isinstance(index, slice):
            return Predictions(self._images[index], self.classes)
        return self._images[index]

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[PredictedImage]:
        return iter(self._images)

    def __repr__(self) -> str:
        unreadable = len(self.unreadable)
        found = ", ".join(f"{name} {count:,}" for name, count in self.counts.items()) or "none"
        also = f"; {unreadable:,} unreadable" if unreadable else ""
        return f"<Predictions of {counted(len(self), 'image')}: {found}{also}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                image.path,
                image.label or "",
                "" if image.confidence is None else f"{image.confidence:.3f}",
                image.error or "",
            )
            for image in self
        ]
        counts = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        said = notebook.line(f"predictions of {counted(len(self), 'image')}: {counts or 'none'}")
        kind = self[0].kind if len(self) else "class"
        return said + notebook.table(("image", kind, spread_name(kind), "error"), rows, most=SHOWN)
