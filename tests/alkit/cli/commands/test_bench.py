"""`alkit bench` on the command line: list, show, run, resume, report, compare."""

from __future__ import annotations

import dataclasses
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alkit.bench.protocol import find_protocol, parse_protocol, read_protocol, shipped


@pytest.fixture
def protocol_file(tmp_path: Path) -> Path:
    """Write a protocol of seconds and its images."""
    digits = load_digits()
    few = np.flatnonzero(digits.target < 2)
    images, labels = np.round(digits.images[few] * 15.9).astype(np.uint8), digits.target[few]
    np.savez(tmp_path / "pool.npz", images=images[:100], labels=labels[:100])
    np.savez(tmp_path / "test.npz", images=images[100:160], labels=labels[100:160])
    protocol = parse_protocol(
        {
            "name": "mine",
            "seeds": 2,
            "data": {"pool": str(tmp_path / "pool.npz"), "test": str(tmp_path / "test.npz")},
            "task": {"options": {"epochs": 1, "batch-size": 8, "model": "tiny-cnn"}},
            "labels": {"start": 6, "budget": 4, "cycles": 1},
            "strategies": ["random", "entropy"],
        }
    )
    path = tmp_path / "mine.toml"
    path.write_text(protocol.to_toml())
    return path


def test_protocols_are_listed(alkit: Callable[..., Any]) -> None:
    assert alkit("bench", "--json").json == shipped()
    assert [line.split()[0] for line in alkit("bench").out.splitlines()] == ["protocol", *shipped()]


def test_a_protocol_is_shown_as_options_change_it(alkit: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "shown.toml"
    path.write_text(alkit("bench", "quick", "--show").out)
    assert read_protocol(path) == find_protocol("quick")
    path.write_text(
        alkit(
            "bench",
            "cnn",
            "--show",
            "--pool",
            "a",
            "--test",
            "b",
            "--seeds",
            "7",
            "-s",
            "vaal",
            "-s",
            "margin",
            "--upper-bound",
            "5",
        ).out
    )
    changed, own = read_protocol(path), find_protocol("cnn")
    assert changed.seeds == tuple(range(7))
    assert (changed.data.pool, changed.data.test) == (("a",), "b")
    assert [entry.shown for entry in changed.strategies] == ["random", "vaal", "margin", "upper-bound"]
    assert changed.strategies[-1].options == {"batches": 5}
    assert changed.strategies[1] == next(entry for entry in own.strategies if entry.name == "vaal")
    assert dataclasses.replace(changed, labels=own.labels).labels == own.labels


def test_a_suite_runs_reports_and_compares(
    alkit: Callable[..., Any], protocol_file: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("statsmodels")
    monkeypatch.chdir(tmp_path)
    first = alkit("bench", str(protocol_file), "--executor", "local", "--device", "cpu")
    results = tmp_path / "results" / "mine"
    assert first.out.strip() == f"report: {Path('results/mine/report.html')}"
    assert "2 strategies x 2 seeds, 4 cells" in first.err
    for name in ("report.html", "report.md", "summary.json", "records.jsonl", "protocol.toml"):
        assert (results / name).exists()
    page = (results / "report.html").read_bytes()
    (results / "report.html").unlink()
    alkit("bench", str(protocol_file), "--report-only")
    assert (results / "report.html").read_bytes() == page
    again = alkit("bench", str(protocol_file), "--executor", "local", "--device", "cpu", "--json")
    assert "4 of them already done" in again.err
    assert again.json == json.loads((results / "summary.json").read_text())
    continued = alkit("bench", str(results), "--executor", "local", "--device", "cpu")
    assert "4 of them already done" in continued.err
    assert continued.out.strip() == f"report: {results / 'report.html'}"
    assert "identical" in alkit("bench", "compare", str(results), str(results)).out
    written = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    out = tmp_path / "elsewhere" / "mine"
    told = alkit("bench", str(results), "--report-only", "--out", str(out))
    assert told.out.strip() == f"report: {out / 'report.html'}"
    names = {path.name for path in out.iterdir()}
    assert names == {"report.html", "report.md", "summary.json", "figures"}
    assert all((out / name).read_bytes() == (results / name).read_bytes() for name in names - {"figures"})
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == written


@pytest.mark.slow
def test_a_common_failure_is_said_where_there_is_nothing_to_report(
    alkit_ends: Callable[..., Any], protocol_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("the pool is broken")

    monkeypatch.setattr("alkit.bench.cell._Run.to_the_end", fail)
    how = ("--out", tmp_path / "results", "--executor", "local", "--device", "cpu", "-q")
    ended = alkit_ends("bench", protocol_file, *how)
    assert ended.code == 1 and "3 of 4 cells failed" in ended.error and "the pool is broken" in ended.error
    assert "with 1 cell not tried" in ended.error
    ended = alkit_ends("bench", protocol_file, *how, "--keep-going")
    assert ended.code == 1 and "4 of 4 cells failed" in ended.error


def test_a_report_says_what_its_records_lack(
    alkit: Callable[..., Any], alkit_ends: Callable[..., Any], protocol_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    words = ("bench", str(folder), "--report-only")
    assert f"there are no records in {folder}" in alkit_ends(*words).error
    packed = folder / "records.jsonl.xz"
    packed.write_bytes(b"nothing of the kind")
    assert "records.jsonl.xz is damaged" in alkit_ends(*words).error
    packed.write_bytes(lzma.compress(b"nonsense\n"))
    assert f"line 1 of {packed} is damaged" in alkit_ends(*words).error
    record = {"kind": "failed", "strategy": "random", "seed": 0, "cycle": 0, "error": "Oops: no"}
    packed.write_bytes(lzma.compress(json.dumps(record).encode() + b"\n"))
    assert "there is no protocol file" in alkit_ends(*words).error
    (folder / "protocol.toml").write_text(protocol_file.read_text())
    assert "holds no record of a cycle" in alkit_ends(*words).error
    other = tmp_path / "other"
    other.mkdir()
    (other / "protocol.toml").write_text(protocol_file.read_text())
    assert "holds results of its own" in alkit_ends(*words, "--out", str(other)).error
    assert "no strategy 'vaal' to drop" in alkit_ends("bench", str(folder), "--drop", "vaal").error


def test_wrong_words_are_said(alkit_ends: Callable[..., Any], tmp_path: Path) -> None:
    for words, sentence in (
        (["quik"], "did you mean 'quick'"),
        (["quick", "cnn"], "name one protocol, not 2"),
        (["compare", "a"], "name two folders of results"),
        (["quick", "--report-only", "--out", str(tmp_path)], "there are no records in"),
        (
            ["quick", "--strategy", "entropi", "--out", str(tmp_path)],
            "'entropi' in alkit.strategies; did you mean 'entropy'",
        ),
    ):
        said = alkit_ends("bench", *words)
        assert said.code in (1, 2)
        assert sentence in said.error
