"""What all tests share: one torch thread, restored generators, a small pool, campaigns, the command line."""

from __future__ import annotations

import contextlib
import csv
import gc
import hashlib
import io
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

# How fast a machine is is not tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

COLORS = ("blue", "green", "red")
EACH = 20


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays to the end, as torch and thousands of tests do."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The last line on standard error, which must be an error in one sentence."""
        line = self.err.strip().splitlines()[-1]
        assert line.startswith("Error: "), self.err
        return line.removeprefix("Error: ")


def paint(folder: Path, *, each: int = EACH, colors: tuple[str, ...] = COLORS, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for color in colors:
        (folder / color).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            pixels = rng.integers(0, 90, (12, 12, 3), dtype=np.uint8)
            pixels[:, :, ("red", "green", "blue").index(color)] += 120
            Image.fromarray(pixels).save(folder / color / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def make_pictures() -> Callable[..., Path]:
    """Paint <folder>/<color>/<number>.png, 12 x 12; the colour is the class."""
    return paint


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 images of 3 classes, for reading only."""
    return paint(tmp_path_factory.mktemp("pool") / "pics")


def run_main(*words: str | Path) -> Said:
    from alkit.cli import main

    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["alkit", *map(str, words)]
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
    finally:
        sys.argv = argv
    return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def alkit_ends() -> Callable[..., Said]:
    """Call the command line, however it ends."""
    return run_main


@pytest.fixture(scope="session")
def alkit() -> Callable[..., Said]:
    """Call the command line; it has to succeed."""

    def call(*words: str | Path) -> Said:
        said = run_main(*words)
        assert said.code == 0, said.err
        return said

    return call


@pytest.fixture(scope="session")
def _fresh(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("fresh") / "camp"
    assert run_main("init", directory, "--pool", pictures, "-t", "epochs=2", "--seed", "7").code == 0
    return directory


@pytest.fixture
def campaign(_fresh: Path, tmp_path: Path) -> Path:
    """A campaign on `pictures`, nothing asked or labeled."""
    return Path(shutil.copytree(_fresh, tmp_path / "camp"))


@pytest.fixture(scope="session")
def _labeled(_fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = Path(shutil.copytree(_fresh, tmp_path_factory.mktemp("labeled") / "camp"))
    known = directory.parent / "known.csv"
    lines = [f"{color}/{number:02d}.png,{color}" for color in COLORS for number in range(4)]
    known.write_text("\n".join(["image,label", *lines]))
    assert run_main("ingest", "-c", directory, known, "--allow-new-classes").code == 0
    return directory


@pytest.fixture
def labeled(_labeled: Path, tmp_path: Path) -> Path:
    """The same with four labels a class."""
    return Path(shutil.copytree(_labeled, tmp_path / "camp"))


def picks(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def read_list() -> Callable[[Path], list[dict[str, str]]]:
    """Read the CSV of a query."""
    return picks


@pytest.fixture(scope="session")
def fill_in() -> Callable[..., Path]:
    """Write answers to a query as a person does who knows the colours; `only` so many."""

    def fill(listed: Path, to: Path, *, only: int | None = None) -> Path:
        lines = [f"{pick['image']},{pick['image'].split('/')[0]}" for pick in picks(listed)[:only]]
        to.write_text("\n".join(["image,label", *lines]))
        return to

    return fill


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, str]]:
    """Hash everything in a directory, but for what SQLite and locks leave about."""

    def hashed(directory: Path) -> dict[str, str]:
        if not directory.exists():
            return {}
        found = {}
        for path in sorted(directory.rglob("*")):
            if path.name.endswith(("-wal", "-shm", ".lock")):
                continue
            content = path.read_bytes() if path.is_file() else b""
            found[path.relative_to(directory).as_posix()] = hashlib.sha256(content).hexdigest()
        return found

    return hashed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def random_state_restored() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
