"""Sets of classes in the formats of tools, which know lists of names."""

from __future__ import annotations

import json
from collections.abc import Iterable

from alkit.errors import InvalidOption
from alkit.interfaces import ClassSet, Export, ImageFacts
from alkit.labeling import ABSTAIN, UNUSABLE

NONE = "none"
"""The text of the set without classes."""


def set_of(answer: str | None) -> tuple[list[str], list[str]]:
    """Return the classes of an answer, and what it leaves open, as `?dog` or `?`; none without a label."""
    if answer is None or answer in (ABSTAIN, UNUSABLE):
        return [], []
    value = ClassSet().parse(answer, ImageFacts())
    names = list(ClassSet().names(value))
    return names, [name for name in value if name not in names]


def refuse_unknown(export: Export, format: str) -> None:
    """Refuse sets that leave a class open, for a format that cannot say that.

    Raises:
        InvalidOption: there is one; the message names it.
    """
    for item in export.items:
        _, unknown = set_of(item.answer)
        if unknown:
            raise InvalidOption(
                f"of '{item.image}' it is unknown whether '{unknown[0].lstrip('?') or 'any other class'}' "
                f"applies, which the format {format} cannot say; export as coco, csv or jsonl"
            )


def text_of(names: Iterable[str]) -> str:
    """Return the text of the label with these names."""
    return json.dumps(sorted(set(names)), ensure_ascii=False)
