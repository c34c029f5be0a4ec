"""TOD: how much the outputs changed since the model that chose last time.

Huang, Wang, Xiong, Huan and Dou, Semi-Supervised Active Learning with Temporal Output Discrepancy, ICCV 2021.
The change bounds the loss from below, as the paper shows, and needs no labels. The paper also trains the
model on unlabeled images, by a discrepancy to an average of its own weights; that part is training, not
choosing, and is left out. In the first query there is no earlier model: the published code compares with
random weights and takes the smallest changes, and here images are drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch

import alkit
from alkit_plugins.components import candidates

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Cycle, Indices, Output

    Weights = dict[str, Tensor]


@dataclass(kw_only=True)
class Tod(alkit.Strategy):
    """Choose the images whose predictions changed most since the model of the query before."""

    name = "tod"
    kind = "uncertainty"
    needs = frozenset({"probabilities"})
    refuses: ClassVar[Mapping[str, str]] = {
        "boxes": "the objects that one model finds are not those of another"
    }
    paper = "Huang et al., Semi-Supervised Active Learning with Temporal Output Discrepancy, ICCV 2021"

    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    before: Weights = field(init=False, repr=False, compare=False, default_factory=dict)
    now: Weights = field(init=False, repr=False, compare=False, default_factory=dict)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Take the n candidates with the largest change; in a tie, the lower index comes first."""
        network = cycle.model.network
        current = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
        if not _same(current, self.now):  # the same model may be asked twice
            self.before, self.now = self.now, current
        positions = candidates.draw(cycle, self.subset, n)
        indices = cycle.candidates[positions]
        with cycle.measure("score"):
            earlier = self._earlier(cycle, indices, current)
        cycle.diagnostics["compared"] = earlier is not None
        if earlier is None:
            return cycle.rng.choice(cycle.candidates, n, replace=False)
        with cycle.measure("score"):
            scores = change(cycle.collect(indices, _probabilities), earlier)
        return candidates.best(cycle, positions, scores, n)

    def _earlier(self, cycle: Cycle, indices: Indices, current: Weights) -> Tensor | None:
        """Return the probabilities of the query before's model; None if there is none that fits.

        Its weights stand in the network for a moment, since tasks may refer to the network's modules.
        """
        if not self.before:
            return None
        network = cycle.model.network
        try:
            network.load_state_dict(self.before)
            return cycle.collect(indices, _probabilities)
        except RuntimeError:  # other classes, or another network
            cycle.progress.line(
                f"{self.name}: the last query had a model of another shape; drawing at random"
            )
            return None
        finally:
            network.load_state_dict(current)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights of the last two models."""
        return {"before": self.before, "now": self.now} if self.now else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.before, self.now = state["before"], state["now"]


def change(now: Tensor, before: Tensor) -> Tensor:
    """Return half the squared distance of probabilities [B, classes, positions...], averaged: [B]."""
    square = (now.double() - before.double()).square().sum(dim=1) / 2.0
    return square if square.dim() == 1 else square.flatten(1).mean(dim=1)


def _probabilities(output: Output) -> Tensor:
    assert output.probabilities is not None
    return output.probabilities


def _same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Tod]
