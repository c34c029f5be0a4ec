"""Progress of a suite while its cells run: how many are done, the time left, and the curves so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from alkit.errors import BenchmarkError
from alkit.utils.progress import Bar, Progress

from . import records
from .cell import Cell

SECONDS_BETWEEN_LOOKS = 1.0


class Monitor:
    """Watches the files of the cells while they run, and reports their progress and results."""

    def __init__(self, cells: Sequence[Cell], bar: Bar, progress: Progress) -> None:
        self.cells, self.bar, self.progress = list(cells), bar, progress
        self.sizes: dict[Path, int] = {}
        self.cycles: dict[Path, int] = {}
        self.over: set[Path] = set()
        self.at_start = 0
        self.started = time.monotonic()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look_on, name="alkit-watch", daemon=True)

    def __enter__(self) -> None:
        self._look(quietly=True)
        self.at_start = sum(self.cycles.values())
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self._look()

    def _look_on(self) -> None:
        while not self.stop.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self, *, quietly: bool = False) -> None:
        for cell in self.cells:
            size = cell.path.stat().st_size if cell.path.exists() else 0
            if size == self.sizes.get(cell.path):
                continue
            self.sizes[cell.path] = size
            try:
                found = records.read(cell.path)
            except BenchmarkError:  # it will say so itself
                continue
            done = [record for record in found if record["kind"] == "cycle"]
            self.bar.update(len(done) - self.cycles.get(cell.path, 0))
            self.cycles[cell.path] = len(done)
            if len(done) == cell.protocol.labels.cycles + 1 and cell.path not in self.over:
                self.over.add(cell.path)
                if not quietly:
                    self._say(cell, done)

    def _say(self, cell: Cell, done: Sequence[records.Record]) -> None:
        values = [next(iter(record["metrics"].values()), float("nan")) for record in done]
        curve = " ".join(f"{value:.3f}" for value in values)
        self.progress.line(
            f"{len(self.over)} of {len(self.cells)} cells, {self._left()}: "
            f"{cell.entry.shown}, seed {cell.seed}: {curve}"
        )

    def _left(self) -> str:
        done = sum(self.cycles.values()) - self.at_start
        total = len(self.cells) * (self.cells[0].protocol.labels.cycles + 1) - self.at_start
        seconds = (time.monotonic() - self.started) * (total - done) / max(done, 1)
        if seconds < 90:
            return f"{seconds:.0f} s left"
        return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
