"""Seconds and peak memory by phase."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Profile:
    """What each phase took; a phase entered again adds up, and time in an inner phase is its own.

    Attributes:
        seconds: wall-clock seconds by phase.
        peak_mb: largest resident memory of the process during the phase, in MB (2^20 bytes).
        peak_cuda_mb: largest memory allocated on the GPU during the phase, in MB, where there is one.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    peak_cuda_mb: dict[str, float] = field(default_factory=dict)
    _open: list[tuple[str, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a block."""
        self._note_peaks()
        self._open.append((name, 0.0))
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            self._note_peaks()
            nested = self._open.pop()[1]
            if self._open:
                outer, before = self._open[-1]
                self._open[-1] = (outer, before + elapsed)
            self.seconds[name] = self.seconds.get(name, 0.0) + elapsed - nested

    def _note_peaks(self) -> None:
        """Add the peak since the last reset to the innermost open phase, and reset it."""
        if self._open:
            name = self._open[-1][0]
            self.peak_mb[name] = max(self.peak_mb.get(name, 0.0), peak_memory_mb())
            if (cuda := _cuda_peak_mb()) is not None:
                self.peak_cuda_mb[name] = max(self.peak_cuda_mb.get(name, 0.0), cuda)
        _reset_peaks()

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Return the measures as JSON values, rounded to milliseconds and tenths of MB."""
        result = {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "peak_mb": {name: round(value, 1) for name, value in self.peak_mb.items()},
        }
        if self.peak_cuda_mb:
            result["peak_cuda_mb"] = {name: round(value, 1) for name, value in self.peak_cuda_mb.items()}
        return result


def peak_memory_mb() -> float:
    """Return the peak resident memory since the last reset (Linux) or since the process began, in MB."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    try:
        import resource  # noqa: PLC0415  # not there on Windows
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _reset_peaks() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()


def _cuda_peak_mb() -> float | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return float(torch.cuda.max_memory_allocated()) / 2**20
