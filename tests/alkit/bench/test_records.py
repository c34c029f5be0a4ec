"""Records: one line at a time, on disk, each cell once."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import pytest

from alkit.bench import records
from alkit.errors import BenchmarkError


def _cell(results: Path, strategy: str, seed: int, cycles: int) -> Path:
    path = records.cell_path(results, strategy, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    records.append(path, {"kind": "cell", "strategy": strategy, "seed": seed})
    for cycle in range(cycles):
        records.append(path, {"kind": "cycle", "strategy": strategy, "seed": seed, "cycle": cycle})
    return path


def test_a_line_cut_short_does_not_count_and_is_repaired(tmp_path: Path) -> None:
    path = _cell(tmp_path, "random", 0, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "cyc')
    assert [record["kind"] for record in records.read(path)] == ["cell", "cycle", "cycle"]
    records.read(path, repair=True)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["nonsense", "3", "\udcff"])
def test_a_damaged_line_is_said(tmp_path: Path, line: str) -> None:
    path = tmp_path / "records.jsonl"
    content = f'{{"kind": "cell"}}\n{line}\n'.encode(errors="surrogateescape")
    path.write_bytes(content)
    with pytest.raises(
        BenchmarkError, match=r"line 2 of .*records\.jsonl is damaged.*restore it from a copy"
    ):
        records.read(path)
    path.unlink()
    path.with_name("records.jsonl.xz").write_bytes(lzma.compress(content))
    with pytest.raises(BenchmarkError, match=r"line 2 of .*records\.jsonl\.xz is damaged"):
        records.read(path)
    cell = tmp_path / "random--0.jsonl"
    cell.write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"line 2 of .*random--0\.jsonl is damaged.*remove the file"):
        records.read(cell)


def test_a_cell_in_both_places_counts_once(tmp_path: Path) -> None:
    _cell(tmp_path, "random", 0, 2)
    _cell(tmp_path, "b/c", 1, 1)
    assert len(records.put_together(tmp_path)) == 5
    assert not (tmp_path / records.CELLS).exists()
    _cell(tmp_path, "random", 0, 3)
    every = records.read_all(tmp_path)
    assert sum(record["kind"] == "cell" for record in every) == 2
    assert sum(record["kind"] == "cycle" and record["strategy"] == "random" for record in every) == 3


def test_names_that_files_cannot_have_stay_apart(tmp_path: Path) -> None:
    paths = {records.cell_path(tmp_path, name, 0) for name in ("a b", "a/b", "a-b", "subset(9) > a")}
    assert len(paths) == 4
    assert all(path.parent == tmp_path / records.CELLS for path in paths)


def test_compressed_records_are_read_where_nothing_else_is_there(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records.write(path, [{"kind": "cycle", "cycle": 0}])
    packed = tmp_path / "records.jsonl.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    records.write(path, [])
    assert records.read(path) == [], "the file itself wins"
    path.unlink()
    assert records.read(path) == [{"kind": "cycle", "cycle": 0}]
    assert records.read(path, repair=True) == [{"kind": "cycle", "cycle": 0}]
    packed.write_bytes(packed.read_bytes()[:-6])
    with pytest.raises(BenchmarkError, match=r"records\.jsonl\.xz is damaged: "):
        records.read(path)


def test_what_is_put_together_takes_the_place_of_compressed_records(tmp_path: Path) -> None:
    one = {"kind": "cycle", "strategy": "a", "seed": 0, "cycle": 0}
    (tmp_path / "records.jsonl.xz").write_bytes(lzma.compress(json.dumps(one).encode() + b"\n"))
    two = {"kind": "cell", "strategy": "b", "seed": 0}
    (tmp_path / records.CELLS).mkdir()
    records.append(records.cell_path(tmp_path, "b", 0), two)
    assert records.put_together(tmp_path) == [one, two]
    assert not (tmp_path / "records.jsonl.xz").exists()
    assert records.read_all(tmp_path) == [one, two]


def test_unpacking_never_loses_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, packed = tmp_path / "records.jsonl", tmp_path / "records.jsonl.xz"
    assert not records.unpack(path), "there is nothing to unpack"
    packed.write_bytes(lzma.compress(b'{"kind": "cell"}\n'))

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(records, "write_atomically", full)
        with pytest.raises(OSError, match="no space left"):
            records.unpack(path)
    assert records.read(path) == [{"kind": "cell"}]
    assert records.unpack(path)
    assert path.read_bytes() == b'{"kind": "cell"}\n'
    assert not packed.exists()
    packed.write_bytes(lzma.compress(b'{"kind": "cell", "seed": 1}\n'))
    assert not records.unpack(path)
    assert records.read(path) == [{"kind": "cell"}]
    assert packed.exists(), "what else it holds is not thrown away"


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "cycle", "strategy": "random"},
        {"kind": "cycle", "strategy": 3, "seed": 0},
        {"kind": "cycle", "strategy": "random", "seed": 0, "cycle": 0, "labels": 10},
        {"kind": "cycle", "strategy": "random", "seed": 0, "cycle": 0, "labels": 10, "metrics": {"a": "b"}},
    ],
)
def test_a_record_that_lacks_what_a_report_needs_is_said(alkit_ends, tmp_path: Path, record: dict) -> None:
    (tmp_path / "records.jsonl").write_text(json.dumps(record) + "\n")
    said = alkit_ends("bench", "compare", tmp_path, tmp_path)
    assert said.code == 1
    assert f"record 1 in {tmp_path} is damaged: '" in said.error


def test_records_in_a_pipe_or_without_end_are_refused(alkit_ends, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.touch()
    os.truncate(path, 2**40)
    assert "over the limit" in alkit_ends("bench", tmp_path, "--report-only").error
    path.unlink()
    os.mkfifo(path)
    assert "not a file but a pipe" in alkit_ends("bench", tmp_path, "--report-only").error
