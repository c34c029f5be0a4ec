"""The tables of docs are those of the committed results, which are whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alkit.bench.protocol import shipped

COMMITTED = ("ablation", "cnn", "frozen", "imbalanced", "imbalanced-step", "toy2d")


@pytest.mark.slow
def test_tables_are_up_to_date(documentation):
    script = documentation.root / "scripts" / "generate-results"
    check = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=240
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("name", COMMITTED)
def test_every_cell_is_there(documentation, name):
    assert name in shipped()
    folder = documentation.root / "benchmarks" / "results" / name
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["cells"]["complete"] == summary["cells"]["expected"]
    assert summary["failures"] == []
    assert {path.name for path in folder.iterdir()} >= {
        "records.jsonl.gz",
        "protocol.toml",
    }


def test_the_report_is_made_again_from_what_is_committed(documentation, tmp_path):
    committed = documentation.root / "benchmarks" / "results" / "imbalanced-step"
    folder = Path(shutil.copytree(committed, tmp_path / "imbalanced-step"))
    kept = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    (folder / "summary.json").unlink()
    command = ["bench", "imbalanced-step", "--report-only", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "alkit", *command], check=True, timeout=200)
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == kept
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in page for name in ("random", "coreset", "badge", "ta-vaal"))
    assert (folder / "report.md").exists()
