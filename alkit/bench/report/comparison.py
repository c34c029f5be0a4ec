"""The report of `alkit bench compare` on two suites."""

from __future__ import annotations

from alkit.bench.statistics.compare_suites import SuiteComparison
from alkit.reporting.document import Block, Report, Section, Table, Text
from alkit.reporting.markdown import to_markdown
from alkit.reporting.wording import listed, metric_name
from alkit.utils.counts import counted

from .wording import NumberFormat, probability


def suites_markdown(found: SuiteComparison, a: str, b: str) -> str:
    """Write the comparison of two suites as Markdown.

    Args:
        found: B minus A.
        a: name of the first.
        b: name of the second.
    """
    blocks: list[Block] = [Text(_verdict(found))]
    for name, only in ((a, found.only_a), (b, found.only_b)):
        if only:
            blocks.append(Text(f"{listed(only)}: only in {name}."))
    digits = NumberFormat.of_values(
        value for change in found.changes for value in (change.area.estimate.mean, change.final.estimate.mean)
    )
    rows = [
        (
            change.strategy,
            str(change.n),
            digits.signed_interval(change.area.estimate),
            probability(change.area.p_holm),
            digits.signed_interval(change.final.estimate),
            f"{change.differing} of {change.records}",
        )
        for change in found.changes
    ]
    head = ("strategy", "seeds", "area", "p Holm", "final", "cycles that differ")
    note = (
        f"Change of {metric_name(found.metric)} from the first to the second, seed by seed, with "
        f"{found.level:.0%} intervals; p values are corrected by Holm's method."
    )
    blocks.append(Table(head, rows, note=note))
    return to_markdown(
        Report(f"{b} against {a}", "Two suites, compared cell by cell.", [Section("Changes", blocks)])
    )


def _verdict(found: SuiteComparison) -> str:
    if found.identical:
        return (
            "The two suites are identical: they have the same strategies, and every record has the "
            "same labels and metrics."
        )
    differing = [change.strategy for change in found.changes if not change.identical]
    if not differing:
        return "All records that both suites have are identical."
    tested = [change for change in found.changes if change.area.p_holm is not None]
    moved = [
        change.strategy
        for change in tested
        if change.area.p_holm is not None and change.area.p_holm < 1 - found.level
    ]
    text = f"Records of {counted(len(differing), 'strategy', 'strategies')} differ: {listed(differing)}. "
    if moved:
        return f"{text}The area of {listed(moved)} changed by more than seeds vary."
    if not tested:
        return f"{text}No strategy has two seeds in both suites, so nothing was tested."
    return f"{text}No area changed by more than seeds vary."
