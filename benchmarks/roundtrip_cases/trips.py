"""A trip: labels are written in a format, read again, and compared with what they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alkit import options
from alkit.interfaces import Format, Mask
from alkit.labeling import GivenAnswer, References
from alkit.labeling.rejection import Rejection
from alkit.plugin import registry

from .made import Pool

SIDES = ("x", "y", "width", "height")
TOLERANCE = 0.01  # pixels


@dataclass
class Arrived:
    """What came back.

    Attributes:
        texts: the text of the label by index.
        rejected: reasons.
        blank: images without an answer.
        doubled: indices with more than one answer.
    """

    texts: dict[int, str] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    blank: int = 0
    doubled: list[int] = field(default_factory=list)


@dataclass
class Difference:
    """How far what came back is from what was sent: labels that differ, and by how much at most.

    Attributes:
        missing: images whose answer did not come back.
        foreign: images that came back with an answer, but had none.
        changed: images whose label differs by more than the tolerance.
        pixels: of a box, by which a side differs at most; of masks, how many of all pixels differ.
    """

    missing: int = 0
    foreign: int = 0
    changed: int = 0
    pixels: float = 0.0

    @property
    def lossless(self) -> bool:
        """Whether nothing was lost."""
        return not (self.missing or self.foreign or self.changed)


def make(name: str, kind: str, given: Mapping[str, Any] | None = None) -> Format:
    """Make a format by name, for labels of a kind."""
    made = options.build(registry.formats.get(name), dict(given or {}))
    made.carry(kind)
    return made


def write(name: str, pool: Pool, texts: Mapping[int, str | None], path: Path, **given: Any) -> Path:
    """Write answers to a new path, and return it."""
    made = make(name, pool.kind, given)
    target = path.with_name(path.name + made.extensions[0])
    made.write(pool.export(texts), target)
    return target


def read(name: str, pool: Pool, path: Path, **given: Any) -> Arrived:
    """Read answers to the images of a pool."""
    reply = make(name, pool.kind, given).read(path)
    arrived = Arrived(blank=reply.blank, rejected=[entry.reason for entry in reply.rejected])
    places = References(pool.records, pool.folder).find_all(reply.answers)
    items = {item.index: item for item in pool.items}
    for place, answer in zip(places, reply.answers, strict=True):
        if answer.is_blank(pool.labels.classes) and pool.labels.is_blank(answer.label):
            arrived.blank += 1  # as a campaign takes it
            continue
        if isinstance(place, Rejection):
            arrived.rejected.append(place.reason)
            continue
        try:
            value = _value(pool, answer, items[place])
        except ValueError as error:
            arrived.rejected.append(str(error))
            continue
        if place in arrived.texts:
            arrived.doubled.append(place)
        arrived.texts[place] = value
    return arrived


def _value(pool: Pool, answer: GivenAnswer, item: Any) -> str:
    value = pool.parse(answer.label, item)
    return value if value in ("abstain", "unusable") else pool.labels.text(value)


def trip(name: str, pool: Pool, texts: Mapping[int, str | None], folder: Path, **given: Any) -> Arrived:
    """Write and read; nothing stays."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return read(name, pool, write(name, pool, texts, folder / "out", **given), **given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(pool: Pool, sent: Mapping[int, str], found: Mapping[int, str]) -> Difference:
    """Compare what came back with what was sent."""
    result = Difference(missing=len(sent.keys() - found.keys()), foreign=len(found.keys() - sent.keys()))
    items = {item.index: item for item in pool.items}
    for index in sent.keys() & found.keys():
        first, second = (pool.parse(texts[index], items[index]) for texts in (sent, found))
        changed, pixels = _distances[pool.kind](pool, first, second)
        result.changed += changed
        result.pixels = max(result.pixels, pixels) if pool.kind == "boxes" else result.pixels + pixels
    return result


def _equal(pool: Pool, first: Any, second: Any) -> tuple[bool, float]:
    return first != second, 0.0


def _boxes(pool: Pool, first: Any, second: Any) -> tuple[bool, float]:
    """Compare boxes in any order: each has to find its nearest of the same class."""
    left = list(second)
    largest = 0.0
    for box in first:
        same = [
            other
            for other in left
            if (other["class"], other.get("crowd")) == (box["class"], box.get("crowd"))
        ]
        if not same:
            return True, largest
        nearest = min(same, key=lambda other: _apart(box, other))
        largest = max(largest, _apart(box, nearest))
        left.remove(nearest)
    return bool(left) or largest > TOLERANCE, largest


def _apart(box: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return max(abs(float(box[side]) - float(other[side])) for side in SIDES)


def _masks(pool: Pool, first: Any, second: Any) -> tuple[bool, float]:
    assert isinstance(pool.labels, Mask)
    differing = int(np.sum(pool.labels.pixels(first) != pool.labels.pixels(second)))
    return differing > 0, float(differing)


_distances: dict[str, Callable[[Pool, Any, Any], tuple[bool, float]]] = {
    "class": _equal,
    "classes": _equal,
    "number": _equal,
    "boxes": _boxes,
    "mask": _masks,
}
