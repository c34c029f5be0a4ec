"""Commands that only read work on a campaign in a folder where nothing can be written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..processes import Process

RUN_ALL = """
import contextlib, ctypes, json, os, sys
from alkit.cli import main
if os.getuid() == 0:  # who may write anything, and gives that up here: capset(2), no capability
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0, ctypes.get_errno()
for words in json.loads(sys.argv[1]):
    print(">", *words, file=sys.stderr)
    sys.argv = ["alkit", *words]
    try:
        main()
    except SystemExit as ended:
        print("<", ended.code, file=sys.stderr)
"""
READING = [
    ["status", "--images"],
    ["status", "--json"],
    ["classes"],
    ["groups"],
    ["report", "--map", "none", "--out", "OUT/report.html"],
    ["report", "--json"],
    ["export", "--format", "csv", "--out", "OUT/open.csv"],
    ["export", "--labeled", "--format", "csv", "--out", "OUT/labeled.csv"],
    ["predict", "POOL", "--out", "OUT/predicted.csv", "--quiet"],
    ["export-model", "--out", "OUT/model", "--quiet"],
]


def ended(commands: list[list[str]]) -> dict[str, tuple[int, str]]:
    """Run commands where nobody is allowed everything; return exit code and errors of each."""
    process = Process(RUN_ALL, json.dumps(commands))
    _, _, err = process.communicate()
    process.close()
    said = [part.rpartition("< ") for part in err.split("> ")[1:]]
    return {text.split("\n")[0]: (int(code), text) for text, _, code in said}


@pytest.fixture
def read_only(labeled: Path, alkit: Callable[..., Any], tmp_path: Path) -> Any:
    alkit("train", "-c", labeled, "-q")
    alkit("query", "-c", labeled, "-n", "3", "-s", "random")
    camp = Path(shutil.copytree(labeled, tmp_path / "read-only"))
    for path in (camp, *camp.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield camp
    for path in (camp, *camp.rglob("*")):
        path.chmod(0o755)


def test_what_only_reads_needs_no_folder_to_write_in(
    read_only: Path, pictures: Path, tmp_path: Path, contents: Callable[[Path], dict[str, str]]
) -> None:
    before = contents(read_only)
    (tmp_path / "out").mkdir()
    places = {"OUT": str(tmp_path / "out"), "POOL": str(pictures)}

    def placed(word: str) -> str:
        first, _, rest = word.partition("/")
        return "/".join([places.get(first, first), *([rest] if rest else [])])

    commands = [[*map(placed, words), "-c", str(read_only)] for words in READING]
    placeless = [["report", "--map", "none"], ["export", "--format", "csv"]]
    changing = [["ingest", "--aggregate", "majority"], ["query", "-n", "2", "-s", "entropy", "--new"]]
    commands += [[*words, "-c", str(read_only)] for words in [*placeless, *changing]]
    found = ended(commands)
    assert len(found) == len(commands)
    for name, (code, text) in list(found.items())[: len(READING)]:
        assert code == 0, text
        assert "cannot be written" not in text, name
    for place, (code, text) in enumerate(list(found.values())[len(READING) :]):
        assert code == (2 if place < len(placeless) else 1)
        assert "cannot be written" in text
        assert ("name another place with --out" in text) == (place < len(placeless))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.html", "open.csv", "labeled.csv", "predicted.csv", "model"}
    assert contents(read_only) == before
