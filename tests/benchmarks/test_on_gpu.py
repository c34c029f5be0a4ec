"""The command for a machine with a GPU: its steps, what it repeats, and what it merges."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from alkit.bench import records
from alkit.bench.protocol import read_protocol

PROTOCOL = """
name = "ta-vaal-cifar10"
description = "Tries it."
seeds = 2
data = {pool = "digits"}
task = {options = {model = "tiny-cnn"}}
labels = {start = 20, budget = 10, cycles = 1}
strategies = [{name = "random"}, {name = "entropy"}]
"""


def cell(strategy: str, seed: int, cycles: int) -> list[dict[str, Any]]:
    head = {"kind": "cell", "strategy": strategy, "seed": seed}
    found = {"kind": "cycle", "strategy": strategy, "seed": seed, "labels": 20, "metrics": {}}
    return [head, *({**found, "cycle": number} for number in range(cycles))]


def test_steps_are_done_once_and_stop_when_the_time_is_over(
    benchmark_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_gpu = benchmark_module("on_gpu")
    ran: list[str] = []

    def run(step: Any, seconds: float) -> int | None:
        ran.append(step.name)
        return None if len(ran) == 3 else 0

    monkeypatch.setattr(on_gpu, "run", run)
    monkeypatch.setattr(sys, "argv", ["on_gpu.py", "--tiny", "--out", str(tmp_path)])
    on_gpu.main()
    assert ran == ["tests", "speed training", "speed adversary"]
    assert set(json.loads((tmp_path / "done.json").read_text())) == {"tests", "speed training"}
    assert "again for: speed adversary; speed kcenter" in capsys.readouterr().out
    on_gpu.main()
    assert ran[3:] == ["speed adversary", "speed kcenter", "speed million", "bench, 1 seeds"]
    assert capsys.readouterr().out == "all is done\n"
    assert read_protocol(tmp_path / "tiny.toml").strategies[-1].name == "entropy"


def test_what_is_complete_is_merged(benchmark_module: Any, tmp_path: Path) -> None:
    on_gpu = benchmark_module("on_gpu")
    out, results = tmp_path / "gpu", tmp_path / "results"
    bench = out / on_gpu.BENCH
    (bench / "cells").mkdir(parents=True)
    results.mkdir()
    (out / "speed-gpu-training.md").write_text("a table")
    (bench / "protocol.toml").write_text(PROTOCOL)
    whole, half = cell("random", 0, 2), cell("entropy", 0, 1)
    records.write(bench / records.RECORDS, whole)
    records.write(records.cell_path(bench, "entropy", 0), half)
    assert on_gpu.merge(out, results) == ["speed-gpu-training.md", "random, seed 0"]
    assert records.read_all(results / on_gpu.BENCH) == whole
    records.write(records.cell_path(bench, "entropy", 0), cell("entropy", 0, 2))
    on_gpu.merge(out, results)
    assert len(records.read_all(results / on_gpu.BENCH)) == 6
    assert (results / on_gpu.BENCH / "protocol.toml").exists()


def test_the_cells_that_tell_most_come_first(benchmark_module: Any, tmp_path: Path) -> None:
    on_gpu = benchmark_module("on_gpu")
    given = argparse.Namespace(
        out=tmp_path, tiny=False, device="cuda", workers=3, pool="a", test="b", root=None
    )
    benches = [step.words for step in on_gpu.steps(given) if step.name.startswith("bench")]
    assert [words[-1] for words in benches] == ["1", "2", "3", "4", "5"]
    chosen = [
        word for before, word in zip(benches[0], benches[0][1:], strict=False) if before == "--strategy"
    ]
    assert chosen[:2] == ["ta-vaal", "learning-loss"]
    assert ("--pool", "a") in zip(benches[0], benches[0][1:], strict=False)
