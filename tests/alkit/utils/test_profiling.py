"""Seconds and peak memory by phase."""

from __future__ import annotations

import mmap
import sys
import time

import pytest

from alkit.utils import profiling
from alkit.utils.profiling import Profile


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
    profile = Profile()
    for seconds in (1.0, 2.5):
        with profile.phase("train"):
            clock.tick(seconds)
    clock.tick(50)
    assert profile.seconds == {"train": 3.5}


def test_time_in_an_inner_phase_is_its_own(clock: Clock) -> None:
    profile = Profile()
    with profile.phase("select"):
        clock.tick(1)
        with profile.phase("embed"):
            clock.tick(2)
            with profile.phase("score"):
                clock.tick(4)
        clock.tick(8)
        with profile.phase("embed"):
            clock.tick(16)
    assert profile.seconds == {"score": 4, "embed": 18, "select": 9}
    assert sum(profile.seconds.values()) == 31


def test_a_phase_inside_itself_is_counted_once(clock: Clock) -> None:
    profile = Profile()
    with profile.phase("embed"):
        clock.tick(1)
        with profile.phase("embed"):
            clock.tick(2)
    assert profile.seconds == {"embed": 3}


def test_an_error_in_a_phase_still_counts(clock: Clock) -> None:
    profile = Profile()
    with profile.phase("select"):
        with pytest.raises(RuntimeError), profile.phase("embed"):
            clock.tick(2)
            raise RuntimeError
        clock.tick(1)
    assert profile.seconds == {"embed": 2, "select": 1}


def test_peaks_go_to_the_phase_in_which_they_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([10.0, 70.0, 30.0])  # outer until inner begins, inner, the rest of outer
    monkeypatch.setattr(profiling, "peak_memory_mb", lambda: next(peaks))
    monkeypatch.setattr(profiling, "_cuda_peak_mb", lambda: None)
    profile = Profile()
    with profile.phase("outer"), profile.phase("inner"):
        pass
    assert profile.peak_mb == {"outer": 30.0, "inner": 70.0}
    assert profile.peak_cuda_mb == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak can be reset on Linux only")
def test_memory_taken_in_a_phase_shows() -> None:
    profile = Profile()
    with profile.phase("before"):
        pass
    with profile.phase("large"):
        taken = mmap.mmap(-1, 80 * 2**20)  # from the system itself: freed memory may be kept and used again
        taken.write(bytes(80 * 2**20))
        taken.close()
    assert profile.peak_mb["before"] > 0
    assert profile.peak_mb["large"] > profile.peak_mb["before"] + 40


def test_as_json_values_rounded(clock: Clock) -> None:
    profile = Profile()
    with profile.phase("train"):
        clock.tick(1.23456)
    result = profile.as_dict()
    assert result["seconds"] == {"train": 1.235}
    assert result["peak_mb"]["train"] == round(profile.peak_mb["train"], 1) > 0
    assert "peak_cuda_mb" not in result
    profile.peak_cuda_mb["train"] = 5.04
    assert profile.as_dict()["peak_cuda_mb"] == {"train": 5.0}
