"""The model's error on the pool in a report: from weighted picks, beside the control images."""

from __future__ import annotations

from alkit.campaign.analysis.pool_error import PoolError
from alkit.reporting.document import Block, Table, Text
from alkit.reporting.wording import NONE, listed
from alkit.utils.counts import counted

from .findings import Findings

HEAD = ("query", "strategy", "drawn", "error on the pool", "error on control", "error on picks", "excess")


def errors(found: Findings) -> list[Block]:
    """Show the error on the pool by query; strategies without known chances say that they cannot."""
    weighted = [item for item in found.evidence.pool_error if item.drawn]
    blocks: list[Block] = []
    if weighted:
        blocks.append(
            Table(
                HEAD,
                [_row(item, found) for item in weighted],
                words=(1,),
                note="Error of the model behind each query on all its candidates. Images drawn by the "
                "strategy are weighted by their chances; the control is drawn uniformly. The excess is how "
                "much more often the model is wrong on the picks than on the pool, with the interval of the "
                "error on the pool.",
            )
        )
        waiting = [item for item in weighted if item.unanswered and not item.given_up]
        if waiting:
            queries = listed(f"query {item.query}" for item in waiting)
            blocks.append(Text(f"The error is unknown until all images of {queries} are answered."))
        ended = [item for item in weighted if item.given_up]
        if ended:
            queries = listed(f"query {item.query}" for item in ended)
            blocks.append(
                Text(f"The error stays unknown for {queries}: some images were withdrawn without an answer.")
            )
    certain = dict.fromkeys(f"'{item.strategy}'" for item in found.evidence.pool_error if not item.drawn)
    if certain:
        blocks.append(
            Text(
                f"The picks of {listed(certain)} have no known chances, so they cannot say how good the "
                "model is on the pool; only control images can. Picks of 'power(...)' and of mixes with "
                "random can."
            )
        )
    return blocks


def _row(item: PoolError, found: Findings) -> tuple[str, ...]:
    controls = [one for one in found.evidence.accuracy if one.queries == (item.query,) and one.accuracy]
    control = controls[0].accuracy if controls else None
    return (
        str(item.query),
        item.strategy,
        counted(item.drawn, "image"),
        NONE if item.error is None else _interval(item.error.value, item.error.low, item.error.high),
        NONE if control is None else _interval(1 - control.value, 1 - control.high, 1 - control.low),
        NONE if item.picks is None else f"{item.picks.value:.3f}",
        NONE if item.excess is None else _interval(item.excess.value, item.excess.low, item.excess.high),
    )


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
