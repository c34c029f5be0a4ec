"""What a label is: a class, a set of classes, numbers, a mask or boxes; read, counted, compared and drawn."""

from __future__ import annotations

from .base import ImageFacts as ImageFacts
from .base import Labels as Labels
from .boxes import Boxes as Boxes
from .class_label import ClassLabel as ClassLabel
from .class_set import ClassSet as ClassSet
from .mask import Mask as Mask
from .number import Number as Number
from .of_source import folders_of as folders_of
from .of_source import values_of as values_of
from .of_source import written_labels as written_labels

PLAIN_KINDS: dict[str, type[Labels]] = {cls.kind: cls for cls in (ClassLabel, ClassSet, Number, Mask, Boxes)}
"""The labels that alkit has, by their kind."""

ALL_KINDS = frozenset(PLAIN_KINDS)
"""The kinds of labels that alkit knows."""

__all__ = [
    "ALL_KINDS",
    "PLAIN_KINDS",
    "Boxes",
    "ClassLabel",
    "ClassSet",
    "ImageFacts",
    "Labels",
    "Mask",
    "Number",
    "folders_of",
    "values_of",
    "written_labels",
]
