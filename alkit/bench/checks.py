"""Checks of a fair comparison while it runs: which labels were seen, and what is paired."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alkit.errors import BenchmarkError

from .protocol import BASELINE, Entry, Labels
from .records import Record

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy


PAIRED = ("seed_set", "test", "candidates", "classes", "task_options")
PAIRED_AT_START = ("starting_weights", "order", "labels", "recipe")


class HiddenLabels:
    """The labels of the pool; each must be revealed before it can be read, and revealed ones are recorded."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self.known: set[int] = set()

    def reveal(self, indices: Indices) -> None:
        """Allow some labels to be read."""
        self.known.update(indices.tolist())

    def revealed(self, index: int) -> str:
        """Return a label that was revealed.

        Raises:
            BenchmarkError: it has not been revealed.
        """
        if index not in self.known:
            raise BenchmarkError(f"the label of image {index} was read before it was requested")
        return self._labels[index]


def check_labels(
    hidden: HiddenLabels, before: Indices, picks: Indices, after: Indices, labels: Labels, number: int
) -> None:
    """Check the labels of a cycle.

    Raises:
        BenchmarkError: an image was chosen twice, or more or other labels are known than were requested.
    """
    if len(np.unique(picks)) != len(picks) or np.isin(picks, before).any():
        raise BenchmarkError(f"cycle {number}: an image was labeled twice")
    if len(after) != labels.start + labels.budget * (number + 1):
        raise BenchmarkError(
            f"cycle {number}: the number of distinct labels is {len(after):,}, which is not what the "
            "protocol says"
        )
    if hidden.known != set(after.tolist()):
        raise BenchmarkError(f"cycle {number}: the revealed labels are not the requested ones")


def check_random(entry: Entry, strategy: Strategy, trained: TrainedModel) -> list[str]:
    """Check that the baseline trains without a companion; return what was checked in this cycle.

    Raises:
        BenchmarkError: a module was trained beside the baseline's model.
    """
    checked = ["distinct images", "labels as asked for"]
    if entry.name == BASELINE:
        if trained.companion is not None or strategy.needs:
            raise BenchmarkError("the random baseline trained with a companion, or looked at the model")
        checked.append("plain baseline")
    return checked


def unpaired(records: Iterable[Record]) -> dict[tuple[str, int], str]:
    """Find the cells that did not start like most cells of their seed.

    It compares the seed set, test set, candidates, classes and options of the task, and for the first cycle
    the weights, the order of batches, the number of labels and the recipe. If cells are evenly divided, the
    baseline decides.

    Returns:
        A sentence by strategy and seed.
    """
    said: dict[tuple[int, str], dict[str, list[str]]] = {}
    for record in sorted(records, key=lambda record: bool(record["strategy"] != BASELINE)):
        for name in _paired_by(record):
            values = said.setdefault((record["seed"], name), {})
            values.setdefault(json.dumps(record.get(name), sort_keys=True), []).append(record["strategy"])
    found: dict[tuple[str, int], str] = {}
    for (seed, name), values in said.items():
        believed = max(values.values(), key=len)
        for strategy in (
            strategy for others in values.values() if others is not believed for strategy in others
        ):
            found.setdefault(
                (strategy, seed),
                f"seed {seed}: '{strategy}' and '{believed[0]}' differ in their {name.replace('_', ' ')}, so "
                "they cannot be compared",
            )
    return found


def check_pairing(records: Iterable[Record]) -> None:
    """Check that all cells of a seed started alike.

    Raises:
        BenchmarkError: a cell did not.
    """
    for sentence in unpaired(records).values():
        raise BenchmarkError(sentence)


def _paired_by(record: Record) -> Sequence[str]:
    if record["kind"] == "cell":
        return PAIRED
    return PAIRED_AT_START if record["kind"] == "cycle" and record["cycle"] == 0 else ()
