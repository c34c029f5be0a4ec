"""The end of a report: checks, failures and provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from alkit.reporting.document import Block, Code, Facts, Items, Notice, Table, Text
from alkit.reporting.wording import NONE, listed, pairs, ranges
from alkit.utils.counts import counted

from .evidence import ReportData


def checks(evidence: ReportData) -> list[Block]:
    """Say which cells failed, and what was checked in the others."""
    blocks: list[Block] = []
    for record in evidence.failures:
        where = f"{record['strategy']}, seed {record['seed']}, cycle {record.get('cycle', NONE)}"
        blocks.append(Notice(f"Failed: {where}: {record['error']}"))
    counts: dict[str, int] = {}
    for record in evidence.cycles:
        for check in record.get("checks") or ():
            counts[check] = counts.get(check, 0) + 1
    if counts:
        total = len(evidence.cycles)
        blocks.append(Text("These checks ran with the benchmark and passed:"))
        blocks.append(Items([f"{check} ({count} of {total} cycles)" for check, count in counts.items()]))
    if not evidence.failures:
        blocks.append(Text("No cell failed."))
    missing = evidence.expected - evidence.complete
    blocks.append(
        Text(
            f"{evidence.complete} of {evidence.expected} cells are complete"
            + (f"; {missing} are missing." if missing else ".")
        )
    )
    return blocks + _of_several_machines(evidence)


def _of_several_machines(evidence: ReportData) -> list[Block]:
    """Say where cells ran if those of one seed ran in several places."""
    places: dict[int, set[str]] = {}
    counts: Counter[str] = Counter()
    for cell in evidence.cells:
        if machine := cell.get("machine"):
            torch = (cell.get("versions") or {}).get("torch")
            place = f"{machine.get('cpu')}, {machine.get('device')}, torch {torch}"
            counts[place] += 1
            places.setdefault(cell["seed"], set()).add(place)
    if all(len(of_seed) < 2 for of_seed in places.values()):
        return []
    told = listed([f"{counted(count, 'cell')} on {where}" for where, count in counts.most_common()])
    return [
        Notice(
            f"Cells of one seed ran in several places: {told}. Networks that start from the same weights and "
            "see the same batches then differ by rounding, also between strategies. Where differences are "
            "small, run all cells of a seed in one place."
        )
    ]


def provenance(evidence: ReportData) -> list[Block]:
    """Say which command computed the results, where, when and with which versions."""
    cells = evidence.cells
    dates = sorted(str(cell["date"]) for cell in cells if cell.get("date"))
    seconds = sum(sum((record.get("seconds") or {}).values()) for record in evidence.cycles)
    facts = [
        ("Command", _each(cell.get("command") for cell in cells)),
        ("Dates", " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""),
        ("Seeds", ranges(evidence.comparison.seeds)),
        ("Machine", _each(pairs(cell.get("machine")) for cell in cells)),
        ("Versions", _each(pairs(cell.get("versions")) for cell in cells)),
        ("Source", _each(_git(cell.get("git")) for cell in cells)),
        ("Protocol", _each(cell.get("protocol") for cell in cells)),
        ("Task options", _each(pairs(cell.get("task_options")) for cell in cells)),
        ("Measured", f"{seconds / 3600:.1f} hours of cells, {counted(len(evidence.cycles), 'training')}"),
    ]
    by_strategy = {cell["strategy"]: cell for cell in reversed(cells)}
    rows = [
        (
            name,
            str(cell.get("plugin", "")),
            " ".join(filter(None, (cell.get("distribution"), cell.get("version")))),
            pairs(cell.get("options")) or NONE,
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
        Text("Protocol of the run:"),
        Code(evidence.protocol_text, "toml"),
    ]


def _each(values: Iterable[Any]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values if value))


def _git(state: dict[str, Any] | None) -> str:
    if not state:
        return ""
    return f"commit {state.get('commit', '')}" + (", with uncommitted changes" if state.get("dirty") else "")
