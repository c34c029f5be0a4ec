"""What a campaign or a benchmark suite recorded of each cycle, read from its files, and where two differ."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Cycle = dict[str, Any]

MISSING = object()
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")

QUERY = (
    "strategy",
    "options",
    "seed_query",
    "control",
    "uniform",
    "labels",
    "candidates",
    "device",
    "diagnostics",
)
TRAINING = ("labels", "companion", "device", "options", "starting_weights", "order", "recipe", "loss")
CELL = (
    "plugin",
    "options",
    "task_options",
    "protocol",
    "seed_set",
    "candidates",
    "test",
    "classes",
    "classes_pool",
)
OF_THE_RUN = ("kind", "strategy", "seed", "cpu_seconds", "seconds", "peak_mb", "peak_cuda_mb")


def read_campaign(directory: Path) -> dict[int, Cycle]:
    """Return what was asked, answered and trained in each cycle; numbers as exact as they are on the disk.

    What differs between two runs of the same code is left out: times, memory, and the names of checkpoints. A
    sentence in the diagnostics counts by its numbers only.
    """
    ledger = directory / "campaign.db"
    if not ledger.is_file():
        raise FileNotFoundError(f"{ledger} is missing")
    cycles: dict[int, Cycle] = defaultdict(lambda: defaultdict(list))
    now = 0
    with contextlib.closing(sqlite3.connect(ledger)) as db:
        for number, kind, text in db.execute("SELECT id, kind, data FROM events ORDER BY id").fetchall():
            data = json.loads(text)
            now = data.get("cycle", now)
            cycles[now]["events"].append(kind)
            if kind == "asked":
                cycles[now] |= _picks(db, number)
                cycles[now]["query"] = _said(data, QUERY)
            elif kind == "trained":
                cycles[now]["metrics"].append(data["metrics"])
                cycles[now]["training"].append(_said(data, TRAINING))
            elif kind == "answered":
                cycles[now]["answers"] += db.execute(
                    "SELECT idx, kind, value, annotator FROM answers WHERE event = ? ORDER BY id", (number,)
                ).fetchall()
    return {cycle: dict(facts) for cycle, facts in sorted(cycles.items())}


def _picks(db: sqlite3.Connection, event: int) -> Cycle:
    rows = db.execute(
        "SELECT idx, score, control, place, predicted, confidence FROM picks WHERE event = ? ORDER BY rank",
        (event,),
    ).fetchall()
    return {
        "picks": [row[0] for row in rows],
        "scores": [row[1] for row in rows],
        "control slice": [row[2:4] for row in rows],
        "predictions": [row[4:] for row in rows],
    }


def read_suite(results: Path) -> dict[tuple[str, int], dict[int, Cycle]]:
    """Return what the cells of a benchmark recorded, by strategy and seed, and by cycle."""
    cells: dict[tuple[str, int], dict[int, Cycle]] = defaultdict(lambda: defaultdict(dict))
    for line in (results / "records.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        cycles = cells[record["strategy"], record["seed"]]
        if record["kind"] == "cycle":
            cycles[record["cycle"]] |= _said(record, [key for key in record if key not in OF_THE_RUN])
        else:
            cycles[0]["cell"] = _said(record, CELL)
    return {cell: dict(cycles) for cell, cycles in cells.items()}


def _said(data: Mapping[str, Any], keys: Iterable[str]) -> Cycle:
    return {key: wordless(data[key]) if key == "diagnostics" else data[key] for key in keys if key in data}


def wordless(value: Any) -> Any:
    """Return JSON values with the numbers of each sentence in its place: its wording may change."""
    if isinstance(value, dict):
        return {name: wordless(item) for name, item in value.items()}
    if isinstance(value, list):
        return [wordless(item) for item in value]
    return NUMBER.findall(value) if isinstance(value, str) and " " in value else value


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say of each kind of fact of a cycle that is not identical where it differs first."""
    said = (
        first_difference(old.get(fact, MISSING), new.get(fact, MISSING), fact)
        for fact in sorted({*old, *new})
    )
    return [words for words in said if words is not None]


def first_difference(old: Any, new: Any, where: str) -> str | None:
    """Say where two values of JSON differ first, or None; numbers have to be the same bit by bit.

    An option that only the new code has does not count: what it does would show elsewhere.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys(old if where.endswith("options") else [*old, *new])
        pairs = [(old.get(key, MISSING), new.get(key, MISSING), f"{where}.{key}") for key in keys]
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        pairs = [(one, other, f"{where}[{n}]") for n, (one, other) in enumerate(zip(old, new, strict=True))]
    else:
        return None if repr(old) == repr(new) else f"{where}: {_short(old)} before, {_short(new)} now"
    return next((said for pair in pairs if (said := first_difference(*pair)) is not None), None)


def _short(value: Any) -> str:
    text = "nothing" if value is MISSING else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
