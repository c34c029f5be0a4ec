"""The measurements that a forecast is made from: models trained on parts of the labels at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alkit.utils.json_values import AsDict

SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
"""Of the labels, in the learning curve of random labels."""
STARTS = ((0, 1), (1, 2))
"""Where strategies are replayed: from one of these sizes to another."""
SMALLEST = 10


@dataclass(frozen=True, slots=True)
class Arm(AsDict):
    """A strategy's replays between two numbers of labels.

    Attributes:
        start: labels that it chooses with.
        end: labels when it has chosen.
        values: of the metric at the end, larger if better, one for each seed.
    """

    start: int
    end: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays(AsDict):
    """All replays.

    Attributes:
        sizes: numbers of labels, ascending; the last is all.
        curve: of random labels: for each seed, the metric at each size, larger if better.
        arms: of strategies, by their text.
    """

    sizes: tuple[int, ...]
    curve: tuple[tuple[float, ...], ...]
    arms: Mapping[str, tuple[Arm, ...]]


def sizes_for(labels: int) -> tuple[int, ...]:
    """Return the numbers of labels of the learning curve."""
    return tuple(max(SMALLEST, round(share * labels)) for share in SHARES)


def replays_from(table: Mapping[str, Any]) -> Replays:
    """Return the replays that `Replays.as_dict` has written."""
    return Replays(
        sizes=tuple(table["sizes"]),
        curve=tuple(map(tuple, table["curve"])),
        arms={
            name: tuple(Arm(arm["start"], arm["end"], tuple(arm["values"])) for arm in arms)
            for name, arms in table["arms"].items()
        },
    )
