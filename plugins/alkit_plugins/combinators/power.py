"""Drawing in proportion to scores in place of taking the highest: `power(entropy)`.

Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal, Stochastic Batch Acquisition: A Simple
Baseline for Deep Active Learning, TMLR 2023. Gumbel noise on log-weights and the n largest sums are the same
as drawing without replacement in proportion to the weights, so the chance of each draw is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

import alkit

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Cycle, Indices

    Floats = npt.NDArray[np.float64]


@dataclass(kw_only=True)
class Power(alkit.Combinator):
    """Draw images at random in proportion to a power of their scores, as in `power(entropy)`.

    The nested strategy scores all candidates.
    """

    name = "power"
    kind = "combinations"
    paper = "Kirsch et al., Stochastic Batch Acquisition, TMLR 2023"

    strategy: str = alkit.nested("entropy", "strategy that scores the candidates")
    by: Literal["power", "softmax", "rank"] = alkit.option(
        "power", "weight of a score s of rank r: s^beta, exp(beta * s) or r^-beta"
    )
    beta: float = alkit.option(1.0, "0 draws uniformly; the higher, the closer to the n highest", minimum=0.0)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Draw n candidates; the chances of the draws are recorded.

        Raises:
            ValueError: the nested strategy does not score all candidates.
        """
        count = len(cycle.candidates)
        ranked = self.delegate("strategy", cycle, cycle.candidates, count)
        scores = np.array([cycle.scores.pop(index, np.nan) for index in ranked.tolist()])
        if self.by != "rank" and np.isnan(scores).any():
            raise ValueError(
                f"{self.strategy} gives {int(np.isnan(scores).sum())} of {count} candidates no score; "
                "use by=rank"
            )
        drawn = draw(log_weights(scores, self.by, self.beta), n, cycle.rng)
        picks = ranked[drawn.order]
        known = ~np.isnan(scores[drawn.order])
        cycle.record_scores(picks[known], scores[drawn.order][known])
        cycle.record_draw(picks, chance=drawn.chance, inclusion=drawn.inclusion)
        cycle.diagnostics["draw_probabilities"] = drawn.chance.tolist()
        cycle.diagnostics["inclusion_probabilities"] = drawn.inclusion.tolist()
        return picks


def log_weights(scores: Floats, by: str, beta: float) -> Floats:
    """Return the logarithms of the weights of scores [N] in descending order; -inf for a weight of zero.

    A power needs scores of zero or more: if some are negative, the lowest finite one is subtracted from all.
    """
    if by == "rank":
        return -beta * np.log(np.arange(1, len(scores) + 1))
    if by == "softmax":
        return beta * scores if beta else np.zeros(len(scores))
    finite = np.isfinite(scores)
    lowest = scores[finite].min(initial=0.0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(finite, scores - lowest, 0.0))
    return beta * logs if beta else np.where(finite, 0.0, -np.inf)


class Drawn(NamedTuple):
    """Rows drawn without replacement.

    Attributes:
        order: [n] the rows, in the order of the draws.
        chance: [n] the chance of each draw, given those before it.
        inclusion: [n] the chance that the row is among the n, given the noise of the first row that is not.
    """

    order: Indices
    chance: Floats
    inclusion: Floats


def draw(logs: Floats, n: int, rng: np.random.Generator) -> Drawn:
    """Draw n rows in proportion to exp(logs), without replacement; rows of weight zero come last, uniformly.

    Each row arrives after an exponential time whose rate is its weight, and the first n are drawn. A row is
    among them if it arrives before the first of the others; the chance of that is known, and sums weighted by
    it are unbiased.
    """
    weightless = np.isneginf(logs)
    settled = np.zeros(len(logs))
    settled[~weightless] = logs[~weightless] - logs[~weightless].max(initial=-np.inf)
    arrival = np.log(rng.exponential(size=len(logs))) - settled  # logarithms: weights may be tiny
    order = np.lexsort((arrival, weightless))
    chance = np.empty(n)
    for group in (False, True):
        own = weightless[order] == group
        rates = settled[order][own]
        left = np.logaddexp.accumulate(rates[::-1])[::-1]
        place = np.flatnonzero(own[:n])
        chance[place] = np.exp(rates - left)[: len(place)]
    inclusion = np.ones(n)
    if n < len(logs):
        first = order[n]
        own = weightless[order[:n]] == weightless[first]
        expected = np.minimum(arrival[first] + settled[order[:n]][own], 50.0)  # from there on it is certain
        inclusion[own] = -np.expm1(-np.exp(expected))
    return Drawn(order[:n].astype(np.int64), chance, inclusion)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Power]
