"""Label Studio's annotations: the results that say what a label says, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from typing import Any

from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Item
from alkit.labeling import ABSTAIN, UNUSABLE

from ..boxes import boxes_text
from ..class_sets import set_of, text_of
from ..reading import number_of
from ..regions import mask_text
from .flat import CONTROL
from .regions import box_of, box_results, brush_results, drawn, shape_of, size_of

NUMBER = "number"
WORDS = (ABSTAIN, UNUSABLE)
Result = dict[str, Any]


def number_controls(count: int) -> list[str]:
    """Return the names of the questions about numbers."""
    return [NUMBER] if count == 1 else [f"{NUMBER}-{place}" for place in range(1, count + 1)]


def results_for(export: Export, item: Item, kind: str) -> list[Result]:
    """Return the results that say what the answer of an item is; none for a skipped task.

    Args:
        export: where the item is from.
        item: with an answer.
        kind: of the labels.
    """
    label = str(item.answer)
    if label in WORDS and label not in export.classes:
        return [] if label == ABSTAIN else [_choice([label])]
    if kind == "mask":
        return brush_results(export, item)
    if kind == "boxes":
        return box_results(item)
    if kind == "number":
        parts = label.split(";")
        names = number_controls(len(parts))
        return [_number(name, float(part)) for name, part in zip(names, parts, strict=True)]
    names = set_of(label)[0] if kind == "classes" else [label]
    return [_choice(names)] if names else []


def _choice(labels: Sequence[str]) -> Result:
    value = {"choices": list(labels)}
    return {"from_name": CONTROL, "to_name": "image", "type": "choices", "value": value}


def _number(name: str, number: float) -> Result:
    return {"from_name": name, "to_name": "image", "type": NUMBER, "value": {NUMBER: number}}


def label_of(annotation: Mapping[str, Any], control: str, kind: str) -> str:
    """Return what an annotation says as one label; `abstain` if it was skipped.

    Args:
        annotation: of a task.
        control: the name of the question about the class.
        kind: of the labels.

    Raises:
        ValueError: it says nothing, or something that is not a label of this kind.
    """
    if annotation.get("was_cancelled"):
        return ABSTAIN
    labels = [
        str(choice)
        for result in choices(annotation)
        if str(result.get("from_name")) == control
        for choice in result["value"]["choices"]
    ]
    if kind != "class" and labels == [UNUSABLE]:
        return UNUSABLE
    if kind == "classes":
        return text_of(labels)
    if kind == "number":
        return ";".join(map(repr, _numbers(annotation)))
    if kind == "mask":
        return _mask(results_of(annotation))
    if kind == "boxes":
        return boxes_text(starmap(box_of, drawn(results_of(annotation))))
    if len(labels) != 1 or not labels[0].strip():
        raise ValueError(f"has an annotation with {len(labels) or 'no'} choices; it should have one")
    return labels[0]


def _numbers(annotation: Mapping[str, Any]) -> list[float]:
    """Return the numbers of an annotation, in the order of the names of their questions."""
    found: dict[str, float] = {}
    for result in results_of(annotation):
        value = result.get("value")
        number = number_of(value.get(NUMBER, value.get("rating"))) if isinstance(value, dict) else None
        if number is not None:
            found[str(result.get("from_name"))] = number
    if not found:
        raise ValueError("has an annotation without a number")
    return [found[name] for name in sorted(found, key=lambda name: (len(name), name))]


def _mask(results: Sequence[Mapping[str, Any]]) -> str:
    shapes = [(shape_of(result, value, name), size_of(result)) for result, value, name in drawn(results)]
    sizes = {size for _, size in shapes}
    if len(sizes) > 1:
        raise ValueError("has regions on images of several sizes")
    return mask_text(sizes.pop() if sizes else None, [shape for shape, _ in shapes])


def results_of(annotation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the results of an annotation."""
    results = annotation.get("result")
    return [each for each in results if isinstance(each, dict)] if isinstance(results, list) else []


def choices(annotation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the results of an annotation that are choices."""
    return [
        result
        for result in results_of(annotation)
        if isinstance(result.get("value"), dict) and isinstance(result["value"].get("choices"), list)
    ]


def control_of(annotations: Iterable[Mapping[str, Any]]) -> str:
    """Return the name of the question about the class: alkit's own, or the only one.

    Raises:
        InvalidAnswers: there are several others.
    """
    names = {str(result.get("from_name")) for each in annotations for result in choices(each)}
    if len(names) > 1 and CONTROL not in names:
        raise InvalidAnswers(
            f"the tasks ask {' and '.join(sorted(names))}, and '{CONTROL}', which alkit asks, is missing; "
            f"rename the question about the class to '{CONTROL}'"
        )
    return CONTROL if CONTROL in names or not names else names.pop()
