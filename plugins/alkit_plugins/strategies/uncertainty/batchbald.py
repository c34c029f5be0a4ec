"""BatchBALD: the mutual information between the labels of a whole query and the network's weights.

Kirsch, van Amersfoort and Gal, BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active
Learning, NeurIPS 2019. Greedy, as in the paper. Gains only shrink as images are chosen, so an old gain is a
bound for the new one, and only images whose bound reaches the best gain are computed again (lazy greedy:
Minoux, 1978). This is exact as long as all configurations of labels are kept; once some are drawn, old
estimates take the place of bounds.

Labels can give at most log T nats about which of T passes is right, and soon no image adds any more. The rest
of the query is then chosen in BALD's order. For dense outputs, probabilities are averaged over positions, so
the label is that of a random position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

import alkit
from alkit import option
from alkit_plugins.components import candidates
from alkit_plugins.components.joint_information import JointInformation
from alkit_plugins.components.mc_dropout import DropoutStrategy

if TYPE_CHECKING:
    from alkit import Cycle, Indices


LEAST = 1e-4  # nats that the best image must add
LOOK = 64  # candidates to compute again at first; then twice as many, and so on


@dataclass(kw_only=True)
class BatchBald(DropoutStrategy):
    """Choose, one at a time, the image whose label adds the most information about the network's weights."""

    name = "batchbald"
    kind = "dropout uncertainty"
    paper = "Kirsch, van Amersfoort and Gal, BatchBALD, NeurIPS 2019"

    configurations: int = option(
        1000,
        "joint labels to consider: all if there are no more than this, otherwise this many drawn ones",
        minimum=1,
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is what the label adds, in nats, as long as it adds anything."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        with cycle.measure("score"):
            probabilities = self.collect(cycle, indices, _by_image)
        with cycle.measure("select"):
            joint = JointInformation(probabilities, self.configurations, cycle.generator("batchbald"))
            greedy = Greedy(joint)
            with cycle.progress.bar(n, "select") as bar:
                while len(greedy.picks) < n and greedy.step():
                    bar.update(1)
        picks = indices[greedy.picks]
        cycle.record_scores(picks, greedy.gains)
        cycle.diagnostics["joint_picks"] = len(picks)
        cycle.diagnostics["information"] = round(float(np.sum(greedy.gains)), 4)
        rest = np.setdiff1d(np.argsort(-greedy.alone, kind="stable"), greedy.picks, assume_unique=True)
        return np.concatenate([picks, indices[rest[: n - len(picks)]]])


class Greedy:
    """The state of one choice.

    Attributes:
        alone: [m] float64, the information of each candidate alone, which is BALD's score.
        picks: positions chosen so far.
        gains: what each of them added.
    """

    def __init__(self, joint: JointInformation) -> None:
        self._joint = joint
        self.alone = joint.gains(np.arange(joint.count))
        self.picks: list[int] = []
        self.gains: list[float] = []
        self._bound = self.alone.copy()

    def step(self) -> bool:
        """Choose one more; return False if none adds anything. In a tie, the earlier one comes first."""
        if self.picks:
            self._update_bounds()
        pick = int(self._bound.argmax())
        gain = float(self._bound[pick])
        if gain < LEAST:
            return False
        self.picks.append(pick)
        self.gains.append(gain)
        self._bound[pick] = -np.inf
        self._joint.add(pick)
        return True

    def _update_bounds(self) -> None:
        """Compute gains again, highest bound first, until all other bounds are below the best gain."""
        order = np.argsort(-self._bound, kind="stable")[: len(self._bound) - len(self.picks)]
        best, start, size = LEAST, 0, LOOK
        while start < len(order) and self._bound[order[start]] >= best:
            part = order[start : start + size]
            self._bound[part] = self._joint.gains(part)
            best = max(best, float(self._bound[part].max()))
            start, size = start + size, 2 * size


def _by_image(probabilities: Tensor) -> Tensor:
    """Turn [passes, B, classes, positions...] into [B, passes, classes], averaged over positions."""
    if probabilities.dim() > 3:
        probabilities = probabilities.flatten(3).mean(dim=3)
    return probabilities.transpose(0, 1)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [BatchBald]
