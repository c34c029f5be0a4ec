"""The top of a report: the setup and the conclusions, in plain sentences."""

from __future__ import annotations

from typing import Any

from alkit.reporting.document import Block, Facts, Items, Notice, Text
from alkit.reporting.wording import NONE, listed, metric_name, ranges
from alkit.utils.counts import counted

from .evidence import ReportData
from .wording import NumberFormat, described, detectable, doubts, saved, verdicts


def compared(evidence: ReportData) -> list[Block]:
    """Describe the setup, and warn of what is missing."""
    protocol, comparison = evidence.protocol, evidence.comparison
    cell: dict[str, Any] = dict(evidence.cells[0]) if evidence.cells else {}
    model = (cell.get("task_options") or protocol.task.options).get("model", "")
    images = [
        f"{cell['candidates']:,} to choose from" if cell.get("candidates") else "",
        f"{cell['test']:,} to test on" if cell.get("test") else "",
        counted(len(evidence.classes), "class", "classes") if evidence.classes else "",
    ]
    better = "higher is better" if comparison.higher_is_better else "lower is better"
    facts = [
        ("Strategies", listed(evidence.strategies)),
        ("Images", ", ".join((cell.get("pool") or protocol.data.pool[0], *filter(None, images)))),
        ("Task", protocol.task.name + (f" with {model}" if model else "")),
        ("Labels", f"{comparison.labels[0]:,} to {comparison.labels[-1]:,}"),
        ("Seeds", f"{ranges(comparison.seeds)} ({len(comparison.seeds)} in all)"),
        ("Metric", f"{metric_name(comparison.metric)}, {better}"),
    ]
    return [*_warnings(evidence), Text(described(protocol)), Facts(facts)]


def _warnings(evidence: ReportData) -> list[Block]:
    warnings: list[Block] = []
    if evidence.complete < evidence.expected:
        warnings.append(
            Notice(
                f"This suite is partial: {evidence.complete} of {evidence.expected} cells are complete. "
                "The missing cells can change every verdict."
            )
        )
    if evidence.failures:
        who = listed(dict.fromkeys(record["strategy"] for record in evidence.failures))
        warnings.append(
            Notice(f"{counted(len(evidence.failures), 'cell')} failed ({who}); see 'Checks and failures'.")
        )
    if len(evidence.comparison.seeds) == 1:
        warnings.append(
            Notice(
                "There is only one seed, so there are no intervals and no tests, and no difference "
                "means anything yet."
            )
        )
    if not evidence.has_random:
        warnings.append(
            Notice(
                "There are no records of random sampling. Differences are from "
                f"{evidence.baseline}, the first strategy, and do not say whether a strategy is worth "
                "its cost."
            )
        )
    return warnings


def conclusions(evidence: ReportData) -> list[Block]:
    """Say which strategies are better, worse or tied, and what these seeds could not show."""
    comparison = evidence.comparison
    digits = NumberFormat.of(comparison)
    if not comparison.versus:
        only = comparison.summaries[0]
        end = digits.spread(only.final)
        text = (
            f"There is only one strategy, {only.strategy}, so there is nothing to compare. Its final "
            f"value is {end}."
        )
        return [Text(text), *_notes(evidence)]
    if len(comparison.seeds) == 1:
        which = "highest" if comparison.higher_is_better else "lowest"
        return [
            Text(
                f"With one seed, no difference can be told from chance. {_best(evidence)} has the "
                f"{which} area."
            )
        ]
    items = [
        " ".join(filter(None, (f"{one.sentence}.", saved(one, comparison.baseline), doubts(one))))
        for one in comparison.versus
    ]
    method = (
        f"Verdicts rest on the area under the learning curve of {metric_name(comparison.metric)}, compared "
        f"seed by seed with two-sided paired t-tests at the {1 - comparison.level:.0%} level, corrected for "
        f"{counted(len(comparison.versus), 'comparison')} by Holm's method. Brackets show "
        f"{comparison.level:.0%} intervals of single comparisons, which are not corrected. Strategies that "
        "cannot be told apart are not necessarily equal."
    )
    texts = [verdicts(comparison), method, detectable(comparison, digits)]
    blocks: list[Block] = [Text(text) for text in texts if text]
    return [blocks[0], Items(items), *blocks[1:], *_notes(evidence)]


def _best(evidence: ReportData) -> str:
    comparison = evidence.comparison
    sign = 1 if comparison.higher_is_better else -1
    known = [
        (sign * one.area.mean, one.strategy) for one in comparison.summaries if one.area.mean is not None
    ]
    return max(known)[1] if known else NONE


def _notes(evidence: ReportData) -> list[Block]:
    notes = [f"{note[:1].upper()}{note[1:]}." for note in evidence.comparison.notes]
    return [Items(notes)] if notes and len(evidence.comparison.seeds) > 1 else []
