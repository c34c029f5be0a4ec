"""The speed benchmarks run and compare what they say they compare; nothing here looks at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from .conftest import BENCHMARKS


def run(out: Path, *words: str) -> dict[str, dict[str, object]]:
    command = [sys.executable, str(BENCHMARKS / "speed.py"), "--tiny", "--rounds", "1", "--out", str(out)]
    subprocess.run([*command, *words], check=True, capture_output=True, timeout=280)
    table = out.with_suffix(".md").read_text()
    assert "alkit, float32" in table and "alkit beside numpy" in table
    found: dict[str, dict[str, object]] = json.loads(out.with_suffix(".json").read_text())
    return found


def versions(part: dict[str, object]) -> set[str]:
    results = part["results"]
    assert isinstance(results, dict)
    entries = [entry for entries in results.values() for entry in entries]
    assert all(entry["seconds"] > 0 for entry in entries)
    return {entry["version"] for entry in entries}


@pytest.mark.slow
def test_a_small_run(tmp_path: Path) -> None:
    found = run(tmp_path / "speed", "--parts", "kcenter", "million", "adversary", "training")
    assert set(found) == {"kcenter", "million", "adversary", "training"}
    assert {"textbook", "alkit, float32"} <= versions(found["adversary"])
    assert {"plain", "alkit, float32"} <= versions(found["training"])
    compared = found["kcenter"]["compared"]
    assert isinstance(compared, dict)
    assert compared["tiny"]["same_position"]["textbook"] == 1.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_small_run_on_a_gpu(tmp_path: Path) -> None:
    found = run(tmp_path / "speed", "--gpu", "--parts", "kcenter", "adversary", "training")
    assert {"textbook", "alkit, float32"} <= versions(found["adversary-cuda"])
    assert {"plain", "alkit, float32"} <= versions(found["training-cuda"])
    compared = found["kcenter-cuda"]["compared"]
    assert isinstance(compared, dict)
    assert compared["tiny"]["same_position"]["alkit on the CPU"] == 1.0
    assert set(compared["tiny"]["ratio"]) == {"torch on the GPU", "alkit on the CPU"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_it_says_so_before_any_work(
    benchmark_module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["speed.py", "--gpu", "--out", str(tmp_path / "speed")])
    with pytest.raises(SystemExit, match=r"^torch finds no GPU here.*$"):
        benchmark_module("speed").main()
    assert list(tmp_path.iterdir()) == []


def test_every_loop_makes_the_same_picks(benchmark_module) -> None:
    kcenter = benchmark_module("kcenter")
    features = np.random.default_rng(0).standard_normal((300, 12)).astype(np.float32)
    labeled = np.array([3, 70, 5])
    expected = kcenter.alkit_k_center(features, labeled, 40)
    assert kcenter.textbook(features, labeled, 40) == expected
    assert kcenter.matrix_vector(features, labeled, 40) == expected
    assert kcenter.torch_matrix_vector(torch.from_numpy(features), labeled, 40) == expected


def test_a_gpu_is_waited_for(benchmark_module, monkeypatch: pytest.MonkeyPatch) -> None:
    common = benchmark_module("common")
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: done.append(f"waited for {device}"))
    common.finished(lambda: done.append("queued"), torch.device("cuda", 0))()
    assert done == ["queued", "waited for cuda:0"]


def test_a_table_says_what_was_aimed_at(benchmark_module) -> None:
    common = benchmark_module("common")
    entries = common.rows({"plain": [4.0, 6.0, 5.0], "ours": [2.0, 2.5, 3.0]}, "plain", {"ours": 2.2})
    assert [(entry["times_as_fast"], entry["bar"]) for entry in entries] == [(1.0, None), (2.0, 2.2)]
    assert common.table(entries)[-1].endswith("| 2.00 | 2.2 |")
