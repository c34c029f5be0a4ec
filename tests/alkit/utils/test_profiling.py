"""Seconds and peak memory by phase."""

from __future__ import annotations

import mmap
import sys
import time

import pytest

from alkit.utils import profiling
from alkit.utils.profiling import Measures


class Clock:
    now = 100.0

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    return clock


def test_a_phase_entered_again_adds_up(clock: Clock) -> None:
    measures = Measures()
    for seconds in (1.0, 2.5):
        with measures.phase("train"):
            clock.tick(seconds)
    clock.tick(50)
    assert measures.seconds == {"train": 3.5}


def test_time_in_an_inner_phase_is_its_own(clock: Clock) -> None:
    measures = Measures()
    with measures.phase("select"):
        clock.tick(1)
        with measures.phase("embed"):
            clock.tick(2)
            with measures.phase("score"):
                clock.tick(4)
        clock.tick(8)
        with measures.phase("embed"):
            clock.tick(16)
    assert measures.seconds == {"score": 4, "embed": 18, "select": 9}
    assert sum(measures.seconds.values()) == 31


def test_a_phase_inside_itself_is_counted_once(clock: Clock) -> None:
    measures = Measures()
    with measures.phase("embed"):
        clock.tick(1)
        with measures.phase("embed"):
            clock.tick(2)
    assert measures.seconds == {"embed": 3}


def test_an_error_in_a_phase_still_counts(clock: Clock) -> None:
    measures = Measures()
    with measures.phase("select"):
        with pytest.raises(RuntimeError), measures.phase("embed"):
            clock.tick(2)
            raise RuntimeError
        clock.tick(1)
    assert measures.seconds == {"embed": 2, "select": 1}


def test_peaks_go_to_the_phase_in_which_they_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([10.0, 70.0, 30.0])  # outer until inner begins, inner, the rest of outer
    monkeypatch.setattr(profiling, "peak_memory_mb", lambda: next(peaks))
    monkeypatch.setattr(profiling, "_cuda_peak_mb", lambda: None)
    measures = Measures()
    with measures.phase("outer"), measures.phase("inner"):
        pass
    assert measures.peak_mb == {"outer": 30.0, "inner": 70.0}
    assert measures.peak_cuda_mb == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak can be reset on Linux only")
def test_memory_taken_in_a_phase_shows() -> None:
    measures = Measures()
    with measures.phase("before"):
        pass
    with measures.phase("large"):
        taken = mmap.mmap(-1, 80 * 2**20)  # from the system itself: freed memory may be kept and used again
        taken.write(bytes(80 * 2**20))
        taken.close()
    assert measures.peak_mb["before"] > 0
    assert measures.peak_mb["large"] > measures.peak_mb["before"] + 40


def test_as_json_values_rounded(clock: Clock) -> None:
    measures = Measures()
    with measures.phase("train"):
        clock.tick(1.23456)
    result = measures.as_dict()
    assert result["seconds"] == {"train": 1.235}
    assert result["peak_mb"]["train"] == round(measures.peak_mb["train"], 1) > 0
    assert "peak_cuda_mb" not in result
    measures.peak_cuda_mb["train"] = 5.04
    assert measures.as_dict()["peak_cuda_mb"] == {"train": 5.0}
