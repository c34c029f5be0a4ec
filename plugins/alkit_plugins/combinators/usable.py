"""Fewer images that people cannot label: `usable(badge)`.

People answer `unusable` or `abstain` to images that are blurred, blank or of something else. From these
answers and the labels, a logistic regression on the embeddings says how likely an image gets no label. Each
pick of the strategy inside is then kept with a known chance, which has a floor, so that every image can still
be asked, and so that what the picks that were passed over would have been is known without bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import alkit
from alkit_plugins.components.answerable import MOST, learn

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Cycle, Indices

    Floats = npt.NDArray[np.float64]

BLOCK = 65_536  # candidates at once


@dataclass(kw_only=True)
class Usable(alkit.Combinator):
    """Ask for fewer images that people probably cannot label, as in `usable(badge)`.

    It learns from answers `unusable` and `abstain`; before there are enough, the strategy inside chooses.
    """

    name = "usable"
    kind = "combinations"
    needs = frozenset({"embedding"})

    strategy: str = alkit.nested("badge", "strategy that chooses")
    floor: float = alkit.option(
        0.1, "least chance with which a pick is kept, however unusable it looks", minimum=0.01, maximum=1.0
    )
    least: int = alkit.option(
        10, "answers with a label, and answers without, before anything is learned", minimum=5
    )

    def __post_init__(self) -> None:
        """Refuse strategies that mean something else."""
        super().__post_init__()
        inside = self.parts["strategy"]
        if inside.uniform:
            raise ValueError(f"'{inside.name}' is a baseline, which chooses among all; leave out 'usable'")
        if inside.asks_again:
            raise ValueError(f"'{inside.name}' asks again for images that have answers; leave out 'usable'")

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Keep each of n picks with its chance, and replace the others by picks that pass, too."""
        chance = self._chance(cycle)
        if chance is None:
            return self.delegate("strategy", cycle, cycle.candidates, n)
        keep = np.maximum(self.floor, 1 - chance)
        passes = cycle.rng.random(len(keep)) < keep  # decided before anything is chosen
        first = self.delegate("strategy", cycle, cycle.candidates, n)
        rows = np.searchsorted(cycle.candidates, first)
        picks = first[passes[rows]]
        passes[rows] = False
        others = cycle.candidates[passes]
        more = self.delegate("strategy", cycle, others, min(n - len(picks), len(others)), "instead")
        picks = np.concatenate([picks, more])
        picks = np.concatenate([picks, self._rest(cycle, keep, picks)[: n - len(picks)]])
        cycle.diagnostics["usable"] |= {
            "proposed": first.tolist(),
            "chance_of_no_label": chance[rows].tolist(),
            "chance_to_be_kept": keep[rows].tolist(),
            "kept": np.isin(first, picks[: len(picks) - len(more)]).tolist(),
            "picks": picks.tolist(),
        }
        return picks

    def _rest(self, cycle: Cycle, keep: Floats, picks: Indices) -> Indices:
        """Return the candidates that are not picked, those first that are probably usable."""
        order = cycle.candidates[np.argsort(-keep, kind="stable")]
        return order[np.isin(order, picks, invert=True)]

    def _chance(self, cycle: Cycle) -> Floats | None:
        """Return the chance that each candidate gets no label, [m]; None if the answers do not tell."""
        said = cycle.diagnostics.setdefault("usable", {})
        said |= {"labels": len(cycle.labeled), "without_label": len(cycle.no_label)}
        if min(len(cycle.labeled), len(cycle.no_label)) < self.least:
            return None
        labeled = cycle.labeled
        if len(labeled) > MOST:
            labeled = cycle.rng.choice(labeled, MOST, replace=False)
        learned = learn(_rows(cycle, labeled), _rows(cycle, cycle.no_label), int(cycle.rng.integers(2**31)))
        said |= {"log_loss": learned.loss, "log_loss_of_share": learned.loss_of_share}
        if not learned.is_worth_it:
            return None
        places = range(0, len(cycle.candidates), BLOCK)
        blocks = [learned.chance(_rows(cycle, cycle.candidates[at : at + BLOCK])) for at in places]
        return np.concatenate(blocks)


def _rows(cycle: Cycle, indices: Indices) -> Floats:
    rows: Floats = cycle.embeddings(indices).double().cpu().numpy()
    return rows


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Usable]
