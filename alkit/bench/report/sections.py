"""The sections of a report."""

from __future__ import annotations

from alkit.reporting.document import Block, Report, Section, Table, Text
from alkit.reporting.wording import NONE, amount, metric_name
from alkit.utils.counts import counted

from .appendix import checks, provenance
from .effects import effects
from .equal_cost import equal_cost
from .evidence import ReportData, diagnostics_of
from .figures import Drawer
from .summary import compared, conclusions
from .upper_bound import upper_bound
from .wording import NumberFormat, probability, saved_briefly

PHASES = ("train", "companion", "evaluate", "embed", "score", "adversary", "select")
MOST_DIAGNOSTICS = 12


def report_of(evidence: ReportData) -> Report:
    """Put the whole report together."""
    drawer = Drawer(evidence)
    sections = [
        Section("Setup", compared(evidence)),
        Section("Summary", conclusions(evidence)),
        Section("Learning curves", _curves(evidence, drawer)),
        Section("Differences from the baseline", _differences(evidence, drawer)),
        Section("Results", _results(evidence)),
        Section("At equal human cost", equal_cost(evidence, drawer)),
        Section("Defects of a baseline", effects(evidence)),
        Section("Upper bound", upper_bound(evidence)),
        Section("Pairwise wins", _wins(evidence, drawer)),
        Section("Average ranks", _ranks(evidence, drawer)),
        Section("Costs", _costs(evidence, drawer)),
        Section("Classes picked", _classes(evidence, drawer)),
        Section("Maps of picks", _drawn(drawer.maps())),
        Section("Diagnostics", _diagnostics(evidence, drawer)),
        Section("Checks and failures", checks(evidence)),
        Section("Provenance", provenance(evidence)),
    ]
    return Report(
        title=f"Benchmark {evidence.protocol.name}",
        lead=evidence.protocol.description or "A comparison of query strategies.",
        sections=[section for section in sections if section.blocks],
    )


def _drawn(block: Block | None) -> list[Block]:
    return [block] if block else []


def _curves(evidence: ReportData, drawer: Drawer) -> list[Block]:
    comparison = evidence.comparison
    blocks: list[Block] = [drawer.curves(comparison)]
    digits = NumberFormat.of(comparison)
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


def _over(evidence: ReportData) -> str:
    return ", mean ± standard deviation over seeds" if len(evidence.comparison.seeds) > 1 else ""


def _differences(evidence: ReportData, drawer: Drawer) -> list[Block]:
    comparison = evidence.comparison
    if not comparison.versus:
        return []
    blocks = _drawn(drawer.forest()) + _drawn(drawer.differences())
    if len(comparison.seeds) == 1:
        return blocks
    digits = NumberFormat.of(comparison)
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
    note = (
        f"All tests of the area against {comparison.baseline}. Detectable: the smallest difference "
        "found with power 0.8."
    )
    return [*blocks, Table(head, rows, note=note, folded=True)]


def _bootstrap(low: float | None, high: float | None, digits: NumberFormat) -> str:
    return NONE if low is None or high is None else f"[{digits.signed(low)}, {digits.signed(high)}]"


def _results(evidence: ReportData) -> list[Block]:
    comparison = evidence.comparison
    digits, metric = NumberFormat.of(comparison), metric_name(comparison.metric)
    versus = {one.strategy: one for one in comparison.versus}
    costs = {cost.strategy: cost for cost in evidence.costs}
    several = len(comparison.seeds) > 1
    tests = ["p Holm", "verdict"] if several else []
    head = ["strategy", f"final {metric}", "area", "difference in area", *tests]
    head += ["labels saved", "query s"]
    rows = []
    for summary in comparison.summaries:
        one, cost = versus.get(summary.strategy), costs[summary.strategy]
        row = [summary.strategy, digits.full(summary.final), digits.number(summary.area.mean)]
        row += [digits.signed_interval(one.area.estimate) if one else NONE]
        if several:
            row += [probability(one.area.p_holm) if one else NONE, one.verdict if one else "baseline"]
        query = amount(cost.cpu_seconds.get("query"))
        rows.append([*row, saved_briefly(one) if one else NONE, query])
    spread = f" ± standard deviation, with {comparison.level:.0%} interval," if several else ""
    note = (
        f"Final {metric} is the mean{spread} at {counted(comparison.labels[-1], 'label')}. Labels saved: "
        f"how many fewer labels reach {comparison.baseline}'s final value; ≤ where some seeds never reach "
        "it. Query seconds are processor time per cycle, without training."
    )
    words = (0, head.index("verdict")) if several else (0,)
    return [Table(head, rows, words=words, note=note), *_other_metrics(evidence)]


def _other_metrics(evidence: ReportData) -> list[Block]:
    main = evidence.comparison.metric
    shared = set.intersection(*(set(record["metrics"]) for record in evidence.cycles)) - {main}
    names = [name for name in evidence.cycles[0]["metrics"] if name in shared]
    if not names:
        return []
    finals = [evidence.finals(name) for name in names]
    rows = [
        (name, *(NumberFormat.of_values([of[name].mean]).spread(of[name]) for of in finals))
        for name in evidence.strategies
    ]
    note = f"Final values of the other metrics{_over(evidence)}."
    return [Table(("strategy", *map(metric_name, names)), rows, note=note, folded=True)]


def _wins(evidence: ReportData, drawer: Drawer) -> list[Block]:
    wins = evidence.comparison.wins
    if len(wins.strategies) < 2 or not wins.budgets:
        return []
    rows = [
        (name, *(NONE if row == column else f"{value:.0%}" for column, value in enumerate(values)))
        for row, (name, values) in enumerate(zip(wins.strategies, wins.matrix, strict=True))
    ]
    lost = ("mean lost", *(f"{value:.0%}" for value in wins.lost))
    note = "The same as a table: how often the row beats the column."
    return [drawer.wins(), Table(("", *wins.strategies), [*rows, lost], note=note, folded=True)]


def _ranks(evidence: ReportData, drawer: Drawer) -> list[Block]:
    ranks = evidence.comparison.ranks
    if len(ranks.ranks) < 2 or ranks.n < 2:
        return []
    order = ", ".join(f"{name} {rank:.2f}" for name, rank in zip(ranks.strategies, ranks.ranks, strict=True))
    text = f"Mean ranks over {counted(ranks.n, 'seed')}: {order}."
    if ranks.friedman is not None:
        text += f" Friedman's test gives {ranks.friedman:.2f}, p {probability(ranks.p)}."
    return [drawer.ranks(), Text(text)]


def _costs(evidence: ReportData, drawer: Drawer) -> list[Block]:
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
    note = (
        "Seconds per cycle and phase, averaged over the cycles with that phase; CPU seconds; peak memory of "
        "the process, which is only an upper bound, since the process may have run other cells before."
    )
    return [*figures, Table(head, rows, note=note, folded=True)]


def _phases(evidence: ReportData) -> list[str]:
    found = dict.fromkeys(phase for cost in evidence.costs for phase in cost.seconds)
    return [phase for phase in PHASES if phase in found] + sorted(found.keys() - set(PHASES))


def _classes(evidence: ReportData, drawer: Drawer) -> list[Block]:
    if not (evidence.is_imbalanced or evidence.is_skewed):
        return []
    return _drawn(drawer.classes())


def _diagnostics(evidence: ReportData, drawer: Drawer) -> list[Block]:
    found = diagnostics_of(evidence.cycles)
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
