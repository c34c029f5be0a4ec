"""The report of a benchmark: a page, Markdown with its figures, and a summary for programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from alkit.bench.records import PROTOCOL, Record, checked, cycles_of, read_all
from alkit.bench.statistics.compare_suites import compare_suites
from alkit.errors import BenchmarkError, UsageError
from alkit.reporting.document import Report
from alkit.reporting.html import to_page
from alkit.reporting.markdown import FIGURES, to_markdown
from alkit.utils.files import write_atomically
from alkit.utils.json_values import finite

from .comparison import suites_markdown
from .evidence import ReportData, diagnostics_of, provenance_of, read_report_data
from .sections import report_of

SUMMARY, MARKDOWN, PAGE = "summary.json", "report.md", "report.html"


def write_report(results: Path, out: Path | None = None) -> None:
    """Write `summary.json`, `report.md` with `figures/`, and `report.html` from the records in a folder.

    The same records give the same bytes.

    Args:
        results: folder with the protocol and the records.
        out: folder for the report; the folder of the records by default.

    Raises:
        BenchmarkError: there are no records of a cycle, or the records cannot be read.
        InvalidProtocol: there is no protocol.
        UsageError: matplotlib is not installed, or the report would replace that of other results.
    """
    out = out or results
    if (out / PROTOCOL).exists() and os.path.realpath(out) != os.path.realpath(results):
        raise UsageError(f"{out} holds results of its own; choose another folder for the report with --out")
    evidence = read_report_data(results)
    report = report_of(evidence)
    summary = json.dumps(summary_of(evidence), indent=1, ensure_ascii=False)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / SUMMARY, f"{summary}\n")
    _write_figures(report, out / FIGURES)
    write_atomically(out / MARKDOWN, to_markdown(report))
    write_atomically(out / PAGE, to_page(report))


def _write_figures(report: Report, folder: Path) -> None:
    """Write every figure as a file, and remove the ones that only an earlier report had."""
    folder.mkdir(exist_ok=True)
    names = {f"{figure.name}.svg" for figure in report.figures}
    for figure in report.figures:
        write_atomically(folder / f"{figure.name}.svg", figure.svg)
    for path in folder.glob("*.svg"):
        if path.name not in names:
            path.unlink()


def summary_of(evidence: ReportData) -> dict[str, Any]:
    """Return the contents of the report as JSON values."""
    return finite(
        {
            "protocol": evidence.protocol.as_dict(),
            "cells": {"expected": evidence.expected, "complete": evidence.complete},
            "failures": list(evidence.failures),
            "comparison": evidence.comparison.as_dict(),
            "balanced": evidence.balanced.as_dict() if evidence.balanced else None,
            "costs": [
                {
                    "strategy": cost.strategy,
                    "cycles": cost.cycles,
                    "seconds": cost.seconds,
                    "cpu_seconds": cost.cpu_seconds,
                    "peak_mb": cost.peak_mb,
                }
                for cost in evidence.costs
            ],
            "classes": {
                "names": evidence.classes,
                "pool": evidence.pool_shares,
                "picked": evidence.picked_shares,
            },
            "diagnostics": diagnostics_of(evidence.cycles),
            "provenance": provenance_of(evidence.cells),
            **({"equal_cost": [one.as_dict() for one in evidence.equal_cost]} if evidence.equal_cost else {}),
            **({"effects": [one.as_dict() for one in evidence.effects]} if evidence.effects else {}),
            **({"upper_bound": evidence.upper.as_dict()} if evidence.upper else {}),
        }
    )


def compare_report(a: Path, b: Path) -> str:
    """Compare the records of two folders, as Markdown.

    Raises:
        InvalidRecords: they have nothing in common.
        BenchmarkError: a folder holds no records.
    """
    found = compare_suites(_cycles(a), _cycles(b))
    return suites_markdown(found, str(a), str(b))


def _cycles(results: Path) -> list[Record]:
    if not (records := read_all(results)):
        raise BenchmarkError(
            f"there are no results in '{results}'; name a folder that 'alkit bench' has written"
        )
    return list(cycles_of(checked(records, results)))
