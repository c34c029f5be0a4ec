"""What faults are done to: a pool, and campaigns on it that are copied for each trial."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from .trial import call

COLORS = ("blue", "green", "red")
EACH = 8


class World:
    """A folder with a pool and three campaigns: `labeled`, `asked` (a query is open) and `fresh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pool = paint(folder / "pool")
        self.test = paint(folder / "test", each=2, seed=1)
        self.known = folder / "known.csv"
        names = [f"{color}/{number:02d}.png,{color}" for color in COLORS for number in range(3)]
        self.known.write_text("\n".join(["image,label", *names]))
        create = ("--pool", self.pool, "--test", self.test, "-q", "-t", "epochs=1")
        call("init", folder / "fresh", *create, expect=(0,))
        call("init", folder / "labeled", *create, "--labels", self.known, expect=(0,))
        shutil.copytree(folder / "labeled", folder / "asked")
        query = ("query", "-c", folder / "asked", "-n", "4", "-q")
        call(*query, "-s", "entropy", expect=(0,))
        answers = self.answers_to(folder / "asked", folder / "first.csv")
        call("ingest", "-c", folder / "asked", answers, "-q", expect=(0,))
        call(*query, "-s", "learning-loss", expect=(0,))
        self.answers = self.answers_to(folder / "asked", folder / "second.csv", only=2)
        call("ingest", "-c", folder / "asked", self.answers, "-q", expect=(0,))
        self._trials = 0

    def room(self) -> Path:
        """Return an empty folder for a trial; that of the one before goes away."""
        shutil.rmtree(self.folder / f"room-{self._trials}", ignore_errors=True)
        self._trials += 1
        room = self.folder / f"room-{self._trials}"
        room.mkdir()
        return room

    def copy(self, name: str, room: Path) -> Path:
        """Return a copy of a campaign."""
        return Path(shutil.copytree(self.folder / name, room / "camp", symlinks=True))

    def answers_to(self, campaign: Path, path: Path, *, only: int | None = None) -> Path:
        """Write the true answers to the last query of a campaign."""
        last = max((campaign / "queries").glob("*.csv"))
        images = [line.split(",")[2] for line in last.read_text().splitlines()[1:]][:only]
        path.write_text("\n".join(["image,label", *(f"{name},{name.split('/')[0]}" for name in images)]))
        return path


def paint(folder: Path, *, each: int = EACH, seed: int = 0) -> Path:
    """Paint <folder>/<color>/<number>.png, 10 x 10; the color is the class."""
    rng = np.random.default_rng(seed)
    for place, color in enumerate(("red", "green", "blue")):
        (folder / color).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            pixels = rng.integers(0, 90, (10, 10, 3), dtype=np.uint8)
            pixels[:, :, place] += 120
            Image.fromarray(pixels).save(folder / color / f"{number:02d}.png")
    return folder


def recorded(campaign: Path) -> list[tuple[object, ...]]:
    """Return all recorded answers, read without alkit."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("campaign.db", "campaign.db-wal"):
            if (campaign / name).is_file():
                shutil.copyfile(campaign / name, Path(folder) / name)
        database = sqlite3.connect(Path(folder) / "campaign.db")
        try:
            found = database.execute("SELECT id, idx, kind, value, annotator FROM answers ORDER BY id")
            return found.fetchall()
        finally:
            database.close()


def flip(path: Path, rng: Random, times: int) -> None:
    """Change random bytes of a file."""
    content = bytearray(path.read_bytes())
    for _ in range(times):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
