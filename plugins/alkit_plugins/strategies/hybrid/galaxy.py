"""GALAXY: bisection, class by class, of the pool ordered by the model's confidence in the class.

Zhang, Katz-Samuels and Nowak, GALAXY: Graph-based Active Learning at the Extreme, ICML 2022. In the order of
a class, the images between a labeled one of the class and a labeled one of another class hide the place where
one gives way to the other; the shortest such stretch is bisected. The paper asks for one answer at a time,
without training in between. A query here is answered as a whole, so an image that is asked counts as having
an open answer, and the largest gap of the stretch is bisected next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch

import alkit
from alkit.errors import UnsupportedTask
from alkit_plugins.components.several_answers import applying, has_sets

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from alkit import Cycle, Indices, Output
    from alkit.data import Targets

    Marks = npt.NDArray[np.int8]
    Flags = npt.NDArray[np.bool_]


HALF = 0.5
OWN, OTHER, ASKED = 1, -1, 2  # what is known of an image: of the class, of another class, an open answer


@dataclass(kw_only=True)
class Galaxy(alkit.Strategy):
    """Bisect, for each class in turn, where the model's order of images passes from the class to others."""

    name = "galaxy"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities"})
    refuses: ClassVar[Mapping[str, str]] = {"boxes": "it needs one class, or a map of classes, per image"}
    paper = "Zhang, Katz-Samuels and Nowak, GALAXY: Graph-based Active Learning at the Extreme, ICML 2022"

    answers: Literal["open", "predicted"] = alkit.option(
        "open", "what an image that was just chosen counts as: open, or of the class that the model predicts"
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; the classes take turns."""
        pool, sets = cycle.labeled_and_candidates, has_sets(cycle)
        with cycle.measure("score"):
            table = cycle.collect(pool, applying if sets else mean_probabilities).double().cpu().numpy()
        with cycle.measure("select"):
            labeled = np.searchsorted(pool, cycle.labeled)
            if sets:
                lines = lines_of_sets(table, labeled, cycle.targets)
            else:
                owns = _of_class(cycle.targets, table.shape[1])
                lines = [Line(order(table, number), labeled, own) for number, own in enumerate(owns)]
            top = table > HALF if sets else table.argmax(axis=1)[:, None] == np.arange(table.shape[1])
            predicted = top if self.answers == "predicted" else None
            return pool[self._choose(cycle, lines, predicted, np.searchsorted(pool, cycle.candidates), n)]

    def _choose(
        self, cycle: Cycle, lines: list[Line], predicted: Flags | None, candidates: Indices, n: int
    ) -> Indices:
        free = np.zeros(len(lines[0].marks), dtype=np.bool_)
        free[candidates] = True
        chosen: list[int] = []
        reasons = {"between": 0, "around": 0, "random": 0}
        while len(chosen) < n:
            line = lines[len(chosen) % len(lines)]
            row, reason = line.between(), "between"
            if row is None:
                row, reason = line.around(), "around"
            if row is None:
                row, reason = int(cycle.rng.choice(np.flatnonzero(free))), "random"
            reasons[reason] += 1
            chosen.append(row)
            free[row] = False
            for number, other in enumerate(lines):
                other.mark(row, ASKED if predicted is None else OWN if predicted[row, number] else OTHER)
        cycle.diagnostics.update(reasons)
        return np.array(chosen, dtype=np.int64)


class Line:
    """The images in the order of one class, and what is known of them.

    Args:
        order: [N] rows, from the least to the most confident.
        labeled: [n] rows whose answer is known.
        own: [n] whether they are of the class.

    Attributes:
        marks: [N] int8 by place: OWN, OTHER, ASKED, or 0 for an image that can be chosen.
    """

    def __init__(self, order: Indices, labeled: Indices, own: npt.NDArray[np.bool_]) -> None:
        self._row = order
        self._place = np.empty(len(order), dtype=np.int64)
        self._place[order] = np.arange(len(order))
        self.marks: Marks = np.zeros(len(order), dtype=np.int8)
        self.marks[self._place[labeled]] = np.where(own, OWN, OTHER)

    def mark(self, row: int, value: int) -> None:
        """Note what is known of a row."""
        self.marks[self._place[row]] = value

    def between(self) -> int | None:
        """Return the middle of the largest gap in the shortest stretch between opposite answers.

        Stretches without an image to choose do not count; in a tie, the lower place comes first.
        """
        known = np.flatnonzero((self.marks == OWN) | (self.marks == OTHER))
        opposite = np.flatnonzero(self.marks[known[:-1]] != self.marks[known[1:]])
        first, last = known[:-1][opposite], known[1:][opposite]
        left = np.concatenate([[0], np.cumsum(self.marks == 0)])
        open_ = np.flatnonzero(left[last] > left[first])
        if not len(open_):
            return None
        best = open_[np.argmin(last[open_] - first[open_])]
        taken = first[best] + np.flatnonzero(self.marks[first[best] : last[best] + 1])
        gap = int(np.argmax(np.diff(taken)))
        return int(self._row[(taken[gap] + taken[gap + 1]) // 2])

    def around(self) -> int | None:
        """Return the row nearest to both a row of the class and a row of another; None if one is missing."""
        free = np.flatnonzero(self.marks == 0)
        if not len(free) or not (self.marks == OWN).any() or not (self.marks == OTHER).any():
            return None
        apart = np.maximum(_distance(free, self.marks == OWN), _distance(free, self.marks == OTHER))
        return int(self._row[free[np.argmin(apart)]])


def lines_of_sets(table: npt.NDArray[np.float64], labeled: Indices, targets: Tensor | Targets) -> list[Line]:
    """Return the images in the order of each class by the probability that it applies.

    Args:
        table: [N, L] of these probabilities.
        labeled: [n] rows whose answer is known.
        targets: [n, L]: 1 applies, 0 does not; -1, unknown, counts as an open answer.
    """
    assert isinstance(targets, torch.Tensor)
    lines = []
    for number, known in enumerate(targets.cpu().numpy().T):
        line = Line(np.argsort(table[:, number], kind="stable"), labeled, known == 1)
        for row in labeled[known < 0].tolist():
            line.mark(row, ASKED)
        lines.append(line)
    return lines


def order(table: npt.NDArray[np.float64], number: int) -> Indices:
    """Order images by how far a class is from being the most probable, then by its probability, ascending."""
    top = table.max(axis=1)
    return np.argsort(table[:, number] - top + 1e-8 * top, kind="stable")


def mean_probabilities(output: Output) -> Tensor:
    """Return probabilities averaged over positions, [B, classes]."""
    assert output.probabilities is not None
    found = output.probabilities
    return found.flatten(2).mean(dim=2) if found.dim() > 2 else found


def _of_class(targets: Tensor | Targets, classes: int) -> npt.NDArray[np.bool_]:
    """Return whether each labeled image is of each class, [classes, n]; a map counts by its most frequent."""
    if isinstance(targets, torch.Tensor):
        answers = targets if targets.dim() == 1 else targets.flatten(1).mode(dim=1).values
    else:
        answers = torch.tensor([_most_frequent(targets, row) for row in range(len(targets))])
    found: npt.NDArray[np.bool_] = answers.cpu().numpy() == np.arange(classes)[:, None]
    return found


def _most_frequent(targets: Targets, row: int) -> int:
    found = targets.take(np.array([row]))
    if not isinstance(found, torch.Tensor):
        raise UnsupportedTask("galaxy needs a class or a map of classes per image; choose another strategy")
    return int(found.flatten().mode().values)


def _distance(places: Indices, there: npt.NDArray[np.bool_]) -> Indices:
    """Return the distance of each place to the nearest of those that are there."""
    targets = np.flatnonzero(there)
    after = np.searchsorted(targets, places)
    right = np.abs(targets[np.minimum(after, len(targets) - 1)] - places)
    return np.minimum(right, np.abs(places - targets[np.maximum(after - 1, 0)]))


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Galaxy]
