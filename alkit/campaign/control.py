"""The control slice of a query: a few random images among the chosen ones, and the model's predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alkit.campaign.record.ledger import PickRow
from alkit.errors import InvalidOption
from alkit.utils import seeding

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import Output


DEFAULT_SHARE = 0.1  # where people answer
SMALLEST_QUERY = 10  # with a control slice


def check_share(share: float) -> float:
    """Return the share if it is valid for a control.

    Raises:
        InvalidOption: it is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise InvalidOption(
            f"the share of the control should be at least 0 and less than 1, not {share:g}; for random "
            "images only, ask with strategy 'random'"
        )
    return share


def slice_size(share: float, n: int) -> int:
    """Return how many of n images are a control: the share, rounded, at least one; none of fewer than ten."""
    if share == 0 or n < SMALLEST_QUERY:
        return 0
    return min(max(1, round(share * n)), n - 1)


def draw(candidates: Indices, count: int, seed: int) -> Indices:
    """Draw uniformly, without replacement: an unbiased sample of all candidates, whatever the
    strategy."""
    return seeding.numpy_generator(seed, "control").choice(candidates, size=count, replace=False)


def rows(
    cycle: Cycle,
    chosen: Indices,
    control: Indices,
    *,
    audits: Indices | None = None,
    seed: int,
    classes: int | None,
) -> list[PickRow]:
    """Return the picks as they are recorded: the chosen ones, most wanted first, audits, then the control.

    Args:
        cycle: with the scores that the strategy recorded.
        chosen: by the strategy.
        control: the random ones.
        audits: near-duplicates that are asked to check copied labels.
        seed: of the order in which people see them.
        classes: how many there are; None if the model is not trained, so that its predictions mean nothing.
    """
    blind = len(control) > 0
    if audits is not None and len(audits):
        chosen, blind = np.concatenate([chosen, audits]), True
    indices = np.concatenate([chosen, control])
    nothing: list[tuple[int | None, float | None]] = [(None, None)] * len(indices)
    predicted = (predictions(cycle, indices, classes) if classes else None) or nothing
    shown = places(len(indices), seed) if blind else range(1, len(indices) + 1)
    return [
        PickRow(
            index=int(index),
            score=cycle.scores.get(int(index)),
            control=rank >= len(chosen),
            place=place,
            predicted=number,
            confidence=probability,
        )
        for rank, (index, place, (number, probability)) in enumerate(
            zip(indices, shown, predicted, strict=True)
        )
    ]


def places(count: int, seed: int) -> list[int]:
    """Return where people see each pick, from 1: an order that does not tell control images from others."""
    order: list[int] = (seeding.numpy_generator(seed, "places").permutation(count) + 1).tolist()
    return order


def predictions(cycle: Cycle, indices: Indices, classes: int) -> list[tuple[int | None, float | None]] | None:
    """Return number and probability of each image's most probable class; None for a task without any.

    Outputs beyond the classes, as of a head that is larger than it need be, are left out.
    """
    if not cycle.model.predicts_class:
        return None

    import torch  # noqa: PLC0415  # torch takes seconds to import

    def most_probable(output: Output) -> Tensor:
        assert output.probabilities is not None
        if output.probabilities.dim() > 2:  # a class a position, none an image
            return output.probabilities.new_empty(len(output.probabilities), 0)
        found = output.probabilities[:, :classes].double().max(dim=1)
        return torch.stack([found.indices.double(), found.values], dim=1)

    with cycle.measure("predict"):
        found = cycle.collect(indices, most_probable)
    if found.shape[1:] == (0,):
        return None
    return [(int(number), probability) for number, probability in found.tolist()]
