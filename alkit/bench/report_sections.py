"""What a report says, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .blocks import Block, Code, Facts, Items, Report, Section, Table, Text, Warning
from .evidence import Evidence
from .report_figures import Drawer
from .report_words import (
    NONE,
    Digits,
    amount,
    counted,
    described,
    detectable,
    doubts,
    listed,
    metric_name,
    probability,
    saved,
    saved_briefly,
    verdicts,
)

TRAINING = ("train", "companion", "evaluate")
PHASES = ("train", "companion", "evaluate", "embed", "score", "adversary", "select")
MOST_DIAGNOSTICS = 12


def report_of(evidence: Evidence) -> Report:
    """Put the whole report together."""
    drawer = Drawer(evidence)
    sections = [
        Section("What was compared", _compared(evidence)),
        Section("Summary", _summary(evidence)),
        Section("Learning curves", _curves(evidence, drawer)),
        Section("Differences to the baseline", _differences(evidence, drawer)),
        Section("Results", _results(evidence)),
        Section("Who beats whom", _wins(evidence, drawer)),
        Section("Average ranks", _ranks(evidence, drawer)),
        Section("Costs", _costs(evidence, drawer)),
        Section("Classes picked", _classes(evidence, drawer)),
        Section("Maps of picks", _drawn(drawer.maps())),
        Section("Diagnostics", _diagnostics(evidence, drawer)),
        Section("Checks and failures", _checks(evidence)),
        Section("Provenance", _provenance(evidence)),
    ]
    return Report(
        title=f"Benchmark {evidence.protocol.name}",
        lead=evidence.protocol.description or "Query strategies compared.",
        sections=[section for section in sections if section.blocks],
    )


def _drawn(block: Block | None) -> list[Block]:
    return [block] if block else []


def _compared(evidence: Evidence) -> list[Block]:
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
        ("Seeds", f"{_ranges(comparison.seeds)} ({len(comparison.seeds)} in all)"),
        ("Metric", f"{metric_name(comparison.metric)}, {better}"),
    ]
    return [*_warnings(evidence), Text(described(protocol)), Facts(facts)]


def _warnings(evidence: Evidence) -> list[Block]:
    warnings: list[Block] = []
    if evidence.complete < evidence.expected:
        warnings.append(
            Warning(
                f"This suite is partial: {evidence.complete} of {evidence.expected} cells are complete. "
                "What is missing can change every verdict."
            )
        )
    if evidence.failures:
        who = listed(dict.fromkeys(record["strategy"] for record in evidence.failures))
        warnings.append(
            Warning(f"{counted(len(evidence.failures), 'cell')} failed ({who}); see checks and failures.")
        )
    if len(evidence.comparison.seeds) == 1:
        warnings.append(
            Warning("There is one seed only: no intervals and no tests, so no difference means anything yet.")
        )
    if not any(entry.name == "random" for entry in evidence.protocol.strategies):
        warnings.append(
            Warning(
                f"Random sampling took no part; differences are to {evidence.baseline}, the first strategy, "
                "and do not say whether a strategy is worth its cost."
            )
        )
    return warnings


def _summary(evidence: Evidence) -> list[Block]:
    comparison = evidence.comparison
    digits = Digits.of(comparison)
    if not comparison.versus:
        only = comparison.summaries[0]
        end = digits.spread(only.final)
        text = f"{only.strategy} took part alone, so there is nothing to compare. It ends at {end}."
        return [Text(text), *_notes(evidence)]
    if len(comparison.seeds) == 1:
        which = "highest" if comparison.higher_is_better else "lowest"
        return [
            Text(f"With one seed nothing can be told from chance. The {which} area is {_best(evidence)}'s.")
        ]
    items = [
        " ".join(filter(None, (f"{one.sentence}.", saved(one, comparison.baseline), doubts(one))))
        for one in comparison.versus
    ]
    method = (
        f"Verdicts rest on the area under the learning curve of {metric_name(comparison.metric)}, compared "
        f"seed by seed by two-sided paired t-tests at the {1 - comparison.level:.0%} level, corrected for "
        f"{counted(len(comparison.versus), 'comparison')} by Holm's method. Brackets are "
        f"{comparison.level:.0%} intervals of single comparisons, not corrected. What cannot be told apart "
        "need not be equal."
    )
    texts = [verdicts(comparison), method, detectable(comparison, digits)]
    blocks: list[Block] = [Text(text) for text in texts if text]
    return [blocks[0], Items(items), *blocks[1:], *_notes(evidence)]


def _best(evidence: Evidence) -> str:
    comparison = evidence.comparison
    sign = 1 if comparison.higher_is_better else -1
    known = [
        (sign * one.area.mean, one.strategy) for one in comparison.summaries if one.area.mean is not None
    ]
    return max(known)[1] if known else NONE


def _notes(evidence: Evidence) -> list[Block]:
    notes = [f"{note[:1].upper()}{note[1:]}." for note in evidence.comparison.notes]
    return [Items(notes)] if notes and len(evidence.comparison.seeds) > 1 else []


def _curves(evidence: Evidence, drawer: Drawer) -> list[Block]:
    comparison = evidence.comparison
    blocks: list[Block] = [drawer.curves(comparison)]
    digits = Digits.of(comparison)
    rows = [
        (summary.strategy, *(digits.spread(step) for step in summary.steps))
        for summary in comparison.summaries
    ]
    blocks.append(
        Table(
            ("strategy", *(f"{labels:,}" for labels in comparison.labels)),
            rows,
            note=f"{metric_name(comparison.metric).capitalize()} by number of labels{_over(evidence)}.",
            folded=True,
        )
    )
    if evidence.balanced:
        blocks.append(drawer.curves(evidence.balanced, "balanced"))
    return blocks


def _over(evidence: Evidence) -> str:
    return ", mean ± standard deviation over seeds" if len(evidence.comparison.seeds) > 1 else ""


def _differences(evidence: Evidence, drawer: Drawer) -> list[Block]:
    comparison = evidence.comparison
    if not comparison.versus:
        return []
    blocks = _drawn(drawer.forest()) + _drawn(drawer.differences())
    if len(comparison.seeds) == 1:
        return blocks
    digits = Digits.of(comparison)
    rows = [
        (
            one.strategy,
            str(one.n),
            digits.signed_interval(one.area.estimate),
            _bootstrap(one.area.bca_low, one.area.bca_high, digits),
            probability(one.area.p),
            probability(one.area.p_holm),
            probability(one.area.p_wilcoxon),
            digits.number(one.power.detectable),
            f"{one.power.seeds_needed:,}" if one.power.seeds_needed else NONE,
        )
        for one in comparison.versus
    ]
    head = (
        "strategy",
        "seeds",
        f"difference, t {comparison.level:.0%}",
        f"BCa {comparison.level:.0%}",
        "p",
        "p Holm",
        "p Wilcoxon",
        "detectable",
        "seeds needed",
    )
    note = f"Tests of the area against {comparison.baseline} in full; detectable: with power 0.8."
    return [*blocks, Table(head, rows, note=note, folded=True)]


def _bootstrap(low: float | None, high: float | None, digits: Digits) -> str:
    return NONE if low is None or high is None else f"[{digits.signed(low)}, {digits.signed(high)}]"


def _results(evidence: Evidence) -> list[Block]:
    comparison = evidence.comparison
    digits, metric = Digits.of(comparison), metric_name(comparison.metric)
    versus = {one.strategy: one for one in comparison.versus}
    costs = {cost.strategy: cost for cost in evidence.costs}
    several = len(comparison.seeds) > 1
    tests = ["p Holm", "verdict"] if several else []
    head = ["strategy", f"final {metric}", "area", "difference in area", *tests]
    head += ["labels saved", "query s", "peak MB"]
    rows = []
    for summary in comparison.summaries:
        one, cost = versus.get(summary.strategy), costs[summary.strategy]
        row = [summary.strategy, digits.full(summary.final), digits.number(summary.area.mean)]
        row += [digits.signed_interval(one.area.estimate) if one else NONE]
        if several:
            row += [probability(one.area.p_holm) if one else NONE, one.verdict if one else "baseline"]
        query = [took for phase, took in cost.seconds.items() if phase not in TRAINING]
        row += [saved_briefly(one) if one else NONE, amount(sum(query)) if query else NONE]
        rows.append([*row, amount(max(cost.peak_mb.values(), default=None))])
    spread = f" ± standard deviation, with {comparison.level:.0%} interval," if several else ""
    note = (
        f"Final {metric} is the mean{spread} at {comparison.labels[-1]:,} labels. Labels saved: how many "
        f"fewer reach {comparison.baseline}'s final value; ≤ where some seeds never do. Query seconds are "
        "wall-clock, a cycle; peak memory is resident, of the worst phase."
    )
    words = (0, head.index("verdict")) if several else (0,)
    return [Table(head, rows, words=words, note=note), *_other_metrics(evidence)]


def _other_metrics(evidence: Evidence) -> list[Block]:
    main = evidence.comparison.metric
    shared = set.intersection(*(set(record["metrics"]) for record in evidence.cycles)) - {main}
    names = [name for name in evidence.cycles[0]["metrics"] if name in shared]
    if not names:
        return []
    finals = [evidence.finals(name) for name in names]
    rows = [
        (name, *(Digits.of_values([of[name].mean]).spread(of[name]) for of in finals))
        for name in evidence.strategies
    ]
    note = f"Other metrics at the end{_over(evidence)}."
    return [Table(("strategy", *map(metric_name, names)), rows, note=note, folded=True)]


def _wins(evidence: Evidence, drawer: Drawer) -> list[Block]:
    wins = evidence.comparison.wins
    if len(wins.strategies) < 2 or not wins.budgets:
        return []
    rows = [
        (name, *(NONE if row == column else f"{value:.0%}" for column, value in enumerate(values)))
        for row, (name, values) in enumerate(zip(wins.strategies, wins.matrix, strict=True))
    ]
    lost = ("lost on average", *(f"{value:.0%}" for value in wins.lost))
    note = "The same in numbers: how often the row beats the column."
    return [drawer.wins(), Table(("", *wins.strategies), [*rows, lost], note=note, folded=True)]


def _ranks(evidence: Evidence, drawer: Drawer) -> list[Block]:
    ranks = evidence.comparison.ranks
    if len(ranks.ranks) < 2 or ranks.n < 2:
        return []
    order = ", ".join(f"{name} {rank:.2f}" for name, rank in zip(ranks.strategies, ranks.ranks, strict=True))
    text = f"Mean ranks over {counted(ranks.n, 'seed')}: {order}."
    if ranks.friedman is not None:
        text += f" Friedman's test gives {ranks.friedman:.2f}, p {probability(ranks.p)}."
    return [drawer.ranks(), Text(text)]


def _costs(evidence: Evidence, drawer: Drawer) -> list[Block]:
    phases = _phases(evidence)
    figures = _drawn(drawer.costs(phases))
    if not figures:
        return []
    rows = [
        (
            cost.strategy,
            *(amount(cost.seconds.get(phase)) for phase in phases),
            amount(cost.cpu_seconds.get("train")),
            amount(cost.cpu_seconds.get("query")),
            amount(max(cost.peak_mb.values(), default=None)),
        )
        for cost in evidence.costs
    ]
    head = ("strategy", *phases, "CPU train", "CPU query", "peak MB")
    note = "Seconds a cycle by phase, mean over the cycles that have it; CPU seconds; peak resident memory."
    return [*figures, Table(head, rows, note=note, folded=True)]


def _phases(evidence: Evidence) -> list[str]:
    found = dict.fromkeys(phase for cost in evidence.costs for phase in cost.seconds)
    return [phase for phase in PHASES if phase in found] + sorted(found.keys() - set(PHASES))


def _classes(evidence: Evidence, drawer: Drawer) -> list[Block]:
    if not (evidence.is_imbalanced or evidence.is_skewed):
        return []
    return _drawn(drawer.classes())


def diagnostics_of(evidence: Evidence) -> dict[str, dict[str, dict[int, float]]]:
    """Average every number among the diagnostics by name, strategy and number of labels."""
    gathered: dict[str, dict[str, dict[int, list[float]]]] = {}
    for record in evidence.cycles:
        for name, value in (record.get("diagnostics") or {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                by_labels = gathered.setdefault(name, {}).setdefault(record["strategy"], {})
                by_labels.setdefault(record["labels"], []).append(float(value))
    return {
        name: {
            strategy: {labels: sum(values) / len(values) for labels, values in sorted(by_labels.items())}
            for strategy, by_labels in by_strategy.items()
        }
        for name, by_strategy in gathered.items()
    }


def _diagnostics(evidence: Evidence, drawer: Drawer) -> list[Block]:
    found = diagnostics_of(evidence)
    if not found:
        return []
    labels = sorted({labels for by in found.values() for values in by.values() for labels in values})
    rows = [
        (metric_name(name), strategy, *(f"{values[one]:.3g}" if one in values else NONE for one in labels))
        for name, by_strategy in found.items()
        for strategy, values in by_strategy.items()
    ]
    shown = dict(list(found.items())[:MOST_DIAGNOSTICS])
    head = ("diagnostic", "strategy", *(f"{one:,}" for one in labels))
    table = Table(
        head, rows, words=(0, 1), note="Diagnostics by number of labels, mean over seeds.", folded=True
    )
    return [*_drawn(drawer.diagnostics(shown)), table]


def _checks(evidence: Evidence) -> list[Block]:
    blocks: list[Block] = []
    for record in evidence.failures:
        where = f"{record['strategy']}, seed {record['seed']}, cycle {record.get('cycle', NONE)}"
        blocks.append(Warning(f"Failed: {where}: {record['error']}"))
    counts: dict[str, int] = {}
    for record in evidence.cycles:
        for check in record.get("checks") or ():
            counts[check] = counts.get(check, 0) + 1
    if counts:
        total = len(evidence.cycles)
        blocks.append(Text("Checked while it ran, and held:"))
        blocks.append(Items([f"{check} ({count} of {total} cycles)" for check, count in counts.items()]))
    if not evidence.failures:
        blocks.append(Text("No cell failed."))
    missing = evidence.expected - evidence.complete
    blocks.append(
        Text(
            f"{evidence.complete} of {evidence.expected} cells are complete"
            + (f", {missing} are not." if missing else ".")
        )
    )
    return blocks


def _provenance(evidence: Evidence) -> list[Block]:
    cells = evidence.cells
    dates = sorted(str(cell["date"]) for cell in cells if cell.get("date"))
    seconds = sum(sum((record.get("seconds") or {}).values()) for record in evidence.cycles)
    facts = [
        ("Command", _each(cell.get("command") for cell in cells)),
        ("Dates", " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""),
        ("Seeds", _ranges(evidence.comparison.seeds)),
        ("Machine", _each(_pairs(cell.get("machine")) for cell in cells)),
        ("Versions", _each(_pairs(cell.get("versions")) for cell in cells)),
        ("Source", _each(_git(cell.get("git")) for cell in cells)),
        ("Protocol", _each(cell.get("protocol") for cell in cells)),
        ("Task options", _each(_pairs(cell.get("task_options")) for cell in cells)),
        ("Measured", f"{seconds / 3600:.1f} hours of cells, {counted(len(evidence.cycles), 'training')}"),
    ]
    by_strategy = {cell["strategy"]: cell for cell in reversed(cells)}
    rows = [
        (
            name,
            str(cell.get("plugin", "")),
            " ".join(filter(None, (cell.get("distribution"), cell.get("version")))),
            _pairs(cell.get("options")) or NONE,
        )
        for name in evidence.strategies
        if (cell := by_strategy.get(name))
    ]
    table = Table(
        ("strategy", "plugin", "from", "options"), rows, words=(0, 1, 2, 3), note="Strategies.", folded=True
    )
    return [
        Facts([(name, value) for name, value in facts if value]),
        table,
        Text("The protocol as it was run:"),
        Code(evidence.protocol_text, "toml"),
    ]


def _each(values: Iterable[Any]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values if value))


def _pairs(values: dict[str, Any] | None) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in (values or {}).items())


def _git(state: dict[str, Any] | None) -> str:
    if not state:
        return ""
    return f"commit {state.get('commit', '')}" + (
        ", with changes not committed" if state.get("dirty") else ""
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Write 0, 1, 2, 5 as 0-2, 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
