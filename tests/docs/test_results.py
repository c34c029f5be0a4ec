"""The tables of docs are those of the committed results, which are whole."""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alkit.bench.protocol import shipped

COMMITTED = (
    "ablation",
    "baseline-defects",
    "cnn",
    "detection",
    "frozen",
    "imbalanced",
    "imbalanced-step",
    "multi-label",
    "multi-label-scenes",
    "pretrained",
    "pretrained-cifar",
    "pretrained-long-tailed",
    "regression",
    "regression-scenes",
    "segmentation",
    "ta-vaal-length",
    "toy2d",
)
MOST_BYTES = 12_000_000  # of a checkout without its history


def _nearly(value: Any) -> Any:
    """Return a JSON value whose numbers equal what another version of a library rounds differently."""
    if isinstance(value, dict):
        return {key: _nearly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nearly(item) for item in value]
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


def _summary(folder: Path) -> Any:
    return json.loads(lzma.decompress((folder / "summary.json.xz").read_bytes()))


@pytest.mark.slow
def test_tables_are_up_to_date(documentation):
    script = documentation.root / "scripts" / "generate-results"
    check = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=240
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("name", COMMITTED)
def test_every_cell_is_there(documentation, name):
    folder = documentation.root / "benchmarks" / "results" / name
    protocol = re.match(r'name = "(.+)"', (folder / "protocol.toml").read_text(encoding="utf-8"))
    assert protocol is not None
    assert protocol[1] in shipped()
    assert name.startswith(protocol[1])
    summary = _summary(folder)
    assert summary["cells"]["complete"] == summary["cells"]["expected"]
    assert summary["failures"] == []
    assert {path.name for path in folder.iterdir()} >= {"records.jsonl.xz", "protocol.toml"}


def test_a_checkout_is_small_and_holds_no_report(documentation):
    if not (documentation.root / ".git").exists():
        pytest.skip("what is committed is known in a checkout only")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=documentation.root, capture_output=True, check=True, timeout=60
    )
    names = [name for name in listed.stdout.decode().split("\0") if (documentation.root / name).is_file()]
    assert sum((documentation.root / name).stat().st_size for name in names) < MOST_BYTES
    results = [Path(name) for name in names if name.startswith("benchmarks/results/")]
    of_suites = {path.name for path in results if path.parent.name != "results"}
    assert of_suites == {"protocol.toml", "records.jsonl.xz", "map.json.xz", "summary.json.xz"}


def test_results_are_packed_to_the_same_bytes_and_only_once_they_are_whole(documentation, tmp_path):
    def pack() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, documentation.root / "scripts" / "pack-results", folder],
            capture_output=True,
            text=True,
            timeout=60,
        )

    committed = documentation.root / "benchmarks" / "results" / "toy2d"
    folder = Path(shutil.copytree(committed, tmp_path / "toy2d"))
    content = lzma.decompress((folder / "records.jsonl.xz").read_bytes())
    found = []
    for time in (0, 10**9):
        (folder / "records.jsonl").write_bytes(content)
        os.utime(folder / "records.jsonl", (time, time))
        (folder / "figures").mkdir()
        (folder / "report.html").touch()
        assert pack().returncode == 0
        assert {path.name for path in folder.iterdir()} == {path.name for path in committed.iterdir()}
        found.append((folder / "records.jsonl.xz").read_bytes())
    assert lzma.decompress(found[0]) == content
    assert found[0] == found[1]
    (folder / "cells").mkdir()
    (folder / "cells" / "vaal--0.jsonl").touch()
    refused = pack()
    assert refused.returncode == 1
    assert "cells in" in refused.stderr
    assert (folder / "cells" / "vaal--0.jsonl").exists()


def test_the_report_is_made_again_from_what_is_committed(documentation, tmp_path, alkit):
    committed = documentation.root / "benchmarks" / "results" / "imbalanced-step"
    before = {path: path.read_bytes() for path in committed.iterdir() if path.is_file()}
    folder = tmp_path / "report"
    alkit("bench", committed, "--report-only", "--out", folder)
    assert {path: path.read_bytes() for path in committed.iterdir() if path.is_file()} == before
    made = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert made == _nearly(_summary(committed))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in page for name in ("random", "coreset", "badge", "ta-vaal"))
    assert (folder / "report.md").exists()
