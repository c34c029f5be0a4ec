"""The model's error on the pool, estimated from the picks of strategies that draw with known chances.

A strategy's picks are not a fair sample of the pool. But where it drew them with chances that are known, as
`power(...)` and mixes with `random` do, each answer can be weighted by how unlikely its image was. The
estimate is then about all candidates of the query and the model that it asked with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.utils.json_values import AsDict
from alkit.utils.proportions import ProportionDifference, Share, share

from .unequal_chances import DrawnSample, Proportion, by_inclusion, mean_of

if TYPE_CHECKING:
    from alkit.campaign.record.query import Pick, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolError(AsDict):
    """What the picks of one query say about the pool.

    Attributes:
        query: its number.
        strategy: name of the strategy.
        labels: those that people had given when it was asked.
        drawn: picks that were drawn with known chances; 0 if the strategy has none, as most.
        unanswered: picks of the query without an answer; the pool's error is unknown until there are none.
        error: of the model on all candidates of the query, or None.
        picks: error rate on the images that the strategy chose.
        excess: how much more often the model is wrong on them than on the pool: what the choice found beyond
            random images. Only the error on the pool is uncertain in it.
        given_up: unanswered picks that will get no answer.
    """

    query: int
    strategy: str
    labels: int
    drawn: int
    unanswered: int
    error: Proportion | None
    picks: Share | None
    excess: ProportionDifference | None
    given_up: int = 0


def pool_error(query: Query) -> PoolError | None:
    """Estimate the error on the pool from a query's picks.

    Returns:
        None if the query has no predictions, was given up as a whole, or chose uniformly: then all of it is a
        control.
    """
    given_up = sum(pick.given_up for pick in query.picks)
    if given_up == len(query.picks):
        return None
    chosen = [pick for pick in query.judged if not pick.control]
    if query.asked.uniform or not any(pick.predicted is not None for pick in chosen):
        return None
    drawn = sum(len(draw["picks"]) for draw in query.asked.draws)
    unanswered = sum(pick.answer is None for pick in query.picks)
    error = _error(query) if drawn and not unanswered else None
    wrong = [not right for pick in chosen if (right := _right(pick)) is not None]
    picks = share(sum(wrong), len(wrong)) if wrong else None
    return PoolError(
        query=query.number,
        strategy=query.strategy,
        labels=query.asked.by_people,
        drawn=drawn,
        unanswered=unanswered,
        given_up=given_up,
        error=error,
        picks=picks,
        excess=None if error is None or picks is None else _excess(picks, error),
    )


def _right(pick: Pick) -> bool | None:
    return None if pick.saw_guess else pick.correct


def _error(query: Query) -> Proportion | None:
    by_index = {pick.index: pick for pick in query.picks}
    control = [pick for pick in query.picks if pick.control]
    found = []
    for draw in query.asked.draws:
        before = [by_index[index] for index in draw.get("before", ())]
        picks = [by_index[index] for index in draw["picks"]]
        one = by_inclusion(_sample(draw, picks, [*control, *before]), _inclusion(draw))
        if one is not None:
            found.append((len(picks), one))
    return mean_of(found) if found else None


def _sample(draw: Mapping[str, Any], picks: Sequence[Pick], known: Sequence[Pick]) -> DrawnSample:
    rights = [_right(pick) for pick in picks]
    certain = [right for pick in known if (right := _right(pick)) is not None]
    return DrawnSample(
        hits=np.array([right is False for right in rights]),
        counted=np.array([right is not None for right in rights]),
        population=draw["candidates"],
        known_hits=sum(not right for right in certain),
        known=len(certain),
    )


def _inclusion(draw: Mapping[str, Any]) -> Any:
    count = len(draw["picks"])
    return np.array(draw.get("inclusion") or [count / draw["candidates"]] * count)


def _excess(picks: Share, error: Proportion) -> ProportionDifference:
    value = picks.value
    return ProportionDifference(value - error.value, value - error.high, value - error.low, error.level)
