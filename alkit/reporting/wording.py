"""The wording of reports: numbers with sensible digits, lists and counts for sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alkit.utils.counts import counted
from alkit.utils.proportions import Share

NONE = "-"
UNITS = {"pixels": "labeled pixels", "outlines": "pixels of outlines"}
SPELLED = {"iou": "IoU", "map": "mAP", "ap": "AP"}


def amount(value: float | None) -> str:
    """Format seconds, labels or megabytes with three digits."""
    if value is None:
        return NONE
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def quantity(value: float) -> str:
    """Format a sum of costs: a whole number as such, another one with three digits."""
    return f"{value:,.0f}" if value == round(value) else amount(value)


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does."""
    words = list(words)
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def labels_and_copies(labels: int, copied: int) -> str:
    """Say how many labels people gave, and how many images have a copy of one besides."""
    return counted(labels, "label") + (f" and {counted(copied, 'copy', 'copies')}" if copied else "")


def ranges(numbers: Sequence[int]) -> str:
    """Write 0, 1, 2, 5 as 0-2, 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def metric_name(metric: str) -> str:
    """Write a metric's name as words."""
    return " ".join(SPELLED.get(word, word) for word in metric.split("_"))


def unit_name(unit: str) -> str:
    """Write a unit of human cost as words; one that is not known is its own name."""
    return UNITS.get(unit, unit)


def interval(share: Share | None) -> str:
    """Format a proportion with its interval."""
    return NONE if share is None else f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def pairs(values: Mapping[str, Any] | None) -> str:
    """Write names with their values."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in (values or {}).items())
