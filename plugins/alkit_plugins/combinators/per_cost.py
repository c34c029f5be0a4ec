"""The highest scores for each unit of cost, where labels cost different amounts: `per-cost(entropy)`.

Settles, Craven and Friedland, Active Learning with Real Annotation Costs, NIPS Workshop on Cost-Sensitive
Learning, 2008: the utility of an image divided by its cost. A limit on the cost of the query is met as in the
greedy method for the knapsack problem, with the number of images fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

import alkit
from alkit.errors import InvalidSelection, SourceError

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Cycle, Indices

    Floats = npt.NDArray[np.float64]

ENOUGH = 1e-9  # relative; sums of costs are rounded


@dataclass(kw_only=True)
class PerCost(alkit.Combinator):
    """Choose the images with the highest scores for each unit of cost, as in `per-cost(entropy)`.

    The nested strategy scores all candidates; costs are in a column of the pool.
    """

    name = "per-cost"
    kind = "combinations"
    paper = "Settles et al., Active Learning with Real Annotation Costs, 2008"

    strategy: str = alkit.nested("entropy", "strategy that scores the candidates")
    column: str = alkit.option("cost", "column of the pool that says what the label of an image costs")
    limit: float | None = alkit.option(None, "the most that all chosen images may cost together", minimum=0.0)
    by: Literal["score", "rank"] = alkit.option(
        "score", "what is divided by the cost: the score, or the share of candidates that rank no higher"
    )
    power: float = alkit.option(1.0, "power of the cost: 0 ignores costs, 1 divides by them", minimum=0.0)

    def __post_init__(self) -> None:
        """Ask for the column before anything is trained."""
        super().__post_init__()
        vars(self)["columns"] = frozenset({self.column}) | self.columns

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; the cost of all of them is recorded.

        Raises:
            ValueError: the nested strategy does not score all candidates.
            InvalidSelection: even the n cheapest candidates cost more than the limit.
        """
        costs = self._costs(cycle)
        ranked = self.delegate("strategy", cycle, cycle.candidates, len(cycle.candidates))
        scores = np.array([cycle.scores.pop(index, np.nan) for index in ranked.tolist()])
        if self.by == "score" and np.isnan(scores).any():
            raise ValueError(
                f"{self.strategy} gives {int(np.isnan(scores).sum())} of {len(ranked)} candidates no score; "
                "use by=rank"
            )
        position = np.searchsorted(cycle.candidates, ranked)
        value = np.empty(len(ranked))
        value[position] = utilities(scores, self.by)
        ratio = value / costs**self.power
        order = np.argsort(-ratio, kind="stable")
        if self.limit is not None:
            least = float(np.sort(costs)[:n].sum())
            if least > self.limit * (1 + ENOUGH):
                raise InvalidSelection(
                    f"the {n} cheapest candidates cost {least:g} together, more than limit={self.limit:g}; "
                    "ask for fewer images or raise the limit"
                )
            order = within(order, costs, n, self.limit)
        picks = cycle.candidates[order[:n]]
        cycle.record_scores(picks, ratio[order[:n]])
        cycle.diagnostics["cost"] = float(costs[order[:n]].sum())
        cycle.diagnostics["mean_cost_of_candidates"] = float(costs.mean())
        return picks

    def _costs(self, cycle: Cycle) -> Floats:
        """Return what each candidate costs, [m]; where nobody knows, the highest known cost.

        Raises:
            SourceError: the column is not of positive numbers.
        """
        column = cycle.column(self.column)
        if column.dtype.kind != "f":
            text = next(text for text in column.tolist() if not _is_number(text))
            raise SourceError(f"the column '{self.column}' of the pool should hold numbers, not '{text}'")
        costs: Floats = column[cycle.candidates]
        known = np.isfinite(costs)
        if not known.any() or (costs[known] <= 0).any():
            found = f"{costs[known].min():g}" if known.any() else "no number"
            raise SourceError(
                f"the column '{self.column}' of the pool should hold a cost above 0 for each image, and it "
                f"holds {found} for some; correct it in the file of the pool"
            )
        if missing := int((~known).sum()):
            cycle.diagnostics.setdefault("warnings", []).append(
                f"{missing} of {len(costs)} candidates have no number in the column '{self.column}'; they "
                f"count as much as the most expensive one ({costs[known].max():g})"
            )
        return np.where(known, costs, costs[known].max())


def utilities(scores: Floats, by: str) -> Floats:
    """Return what images are worth, zero or more, from scores [N] in descending order.

    If some scores are negative, as those of `margin`, the lowest finite one is subtracted from all.
    """
    count = len(scores)
    if by == "rank":
        return 1.0 - np.arange(count) / count
    finite = np.isfinite(scores)
    lowest = min(float(scores[finite].min(initial=0.0)), 0.0)
    highest = float(scores[finite].max(initial=0.0))
    return np.clip(scores, lowest, highest) - lowest


def within(order: Indices, costs: Floats, n: int, limit: float) -> Indices:
    """Return n positions, each the first of `order` that leaves enough for the cheapest of the rest.

    Args:
        order: positions [m], the most wanted first.
        costs: [m] by position; the n lowest cost no more than the limit.
        n: how many.
        limit: of the cost of all n.
    """
    cheapest = order[np.argsort(costs[order], kind="stable")]
    reserve = cheapest[: n - 1].tolist()  # what the query ends with if nothing better can be paid
    most = limit * (1 + ENOUGH) - float(costs[reserve].sum())
    taken: list[int] = []
    for position in order.tolist():
        if len(taken) == n:
            break
        if costs[position] > most:  # nor later: `most` never grows
            continue
        taken.append(position)
        if position in reserve:
            reserve.remove(position)
        else:
            most += (costs[reserve.pop()] if reserve else 0.0) - costs[position]
    return np.array(taken, dtype=np.int64)


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [PerCost]
