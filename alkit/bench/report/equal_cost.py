"""The section on human cost: strategies and the baseline where their labels cost people as much."""

from __future__ import annotations

from alkit.bench.statistics.equal_cost import AtEqualCost, EqualCost
from alkit.bench.statistics.estimates import PairedDifference
from alkit.reporting.document import Block, Table, Text
from alkit.reporting.wording import NONE, listed, metric_name, unit_name

from .evidence import ReportData
from .figures import Drawer
from .wording import NumberFormat, probability

MOST_PAIRS = 8


def equal_cost(evidence: ReportData, drawer: Drawer) -> list[Block]:
    """Show each strategy at equal human cost; nothing where all images cost the same, or nothing is known."""
    if not evidence.equal_cost:
        return []
    text = (
        "Images do not take equally long to label, and strategies choose different ones. So the strategies "
        "are also compared where their labels have cost people as much."
    )
    blocks: list[Block] = [Text(text)]
    for found in evidence.equal_cost:
        figure = drawer.costs_of_people(found)
        blocks += [*([figure] if figure else []), _table(evidence, found), Text(_order(evidence, found))]
    return blocks


def _table(evidence: ReportData, found: EqualCost) -> Table:
    digits, words = NumberFormat.of(evidence.comparison), unit_name(found.unit)
    by_images = {one.strategy: one.area for one in evidence.comparison.versus}
    rows = [
        (
            one.strategy,
            NONE if one.cost.mean is None else f"{one.cost.mean:,.0f}",
            NONE if one.difference is None else digits.signed_interval(by_images[one.strategy].estimate),
            NONE if one.difference is None else digits.signed_interval(one.difference.estimate),
            NONE if one.difference is None else probability(one.difference.p_holm),
        )
        for one in found.strategies
    ]
    head = ("strategy", f"{words} at the end", "at equal images", f"at equal {words}", "p Holm")
    metric = metric_name(evidence.comparison.metric)
    note = (
        f"Mean difference in {metric} to {evidence.baseline}, by number of images and by {words}, over the "
        "range that both curves reach, interpolated between trainings; p is of the latter."
    )
    return Table(head, rows, note=note)


def _order(evidence: ReportData, found: EqualCost) -> str:
    """Say where the order of strategies, or a verdict, is another one than by number of images."""
    words = unit_name(found.unit)
    order = f"From the best to the worst mean by {words}: {', '.join(found.order)}."
    if not found.swapped:
        return f"{order} By number of images the order is the same. {_verdicts(evidence, found)}".strip()
    pairs = [f"{first} is ahead of {second}" for first, second in found.swapped[:MOST_PAIRS]]
    more = len(found.swapped) - len(pairs)
    also = f" {more} more pairs change places." if more > 0 else ""
    return (
        f"{order} By number of images the order is another one: there, {listed(pairs)}.{also} "
        f"{_verdicts(evidence, found)}"
    )


def _verdicts(evidence: ReportData, found: EqualCost) -> str:
    by_images = {one.strategy: one.area for one in evidence.comparison.versus}
    changed = [
        f"{one.strategy} is {before} by images and {after} by {unit_name(found.unit)}"
        for one in found.strategies
        if one.difference is not None
        and (before := _verdict(evidence, by_images[one.strategy]))
        != (after := _verdict(evidence, one.difference))
    ]
    if changed:
        return f"Verdicts against {evidence.baseline} change: {'; '.join(changed)}."
    tested = any(_tested(one) for one in found.strategies)
    return f"No verdict against {evidence.baseline} changes." if tested else ""


def _tested(one: AtEqualCost) -> bool:
    return one.difference is not None and one.difference.p_holm is not None


def _verdict(evidence: ReportData, tested: PairedDifference) -> str:
    comparison = evidence.comparison
    if tested.p_holm is None or tested.estimate.mean is None:
        return "untested"
    if tested.p_holm >= 1 - comparison.level:
        return "a tie"
    return "better" if (tested.estimate.mean > 0) == comparison.higher_is_better else "worse"
