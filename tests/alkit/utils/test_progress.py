"""Progress: nothing in a library, lines on standard error, bars on a terminal only."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from alkit.utils.progress import Notebook, NullProgress, Terminal, chosen_progress


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process look like the kernel of a notebook, on a machine without ipywidgets."""
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_the_library_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    progress = NullProgress()
    progress.line("something")
    with progress.bar(3, "work") as bar:
        bar.update(3)
    assert capfd.readouterr() == ("", "")


def test_a_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().line("cycle 1: training")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "cycle 1: training\n"


def test_a_log_has_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().bar(2, "score") as bar:
        bar.update(1)
        bar.update(1)
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 31.0, 40.0, 99.0])
    monkeypatch.setattr("alkit.utils.progress.time.monotonic", lambda: next(clock))
    with Terminal().bar(4000, "training") as bar:
        bar.note("epoch 1 of 4, loss 2.300")
        for _ in range(4):
            bar.update(1000)
    assert capsys.readouterr().err == "training: 2,000 of 4,000 (epoch 1 of 4, loss 2.300)\n"


def test_a_terminal_has_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Terminal().bar(2, "score") as bar:
        bar.note("loss 0.500")
        bar.update(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "score" in err and "loss 0.500" in err


def test_a_bar_lets_errors_through() -> None:
    for progress in (NullProgress(), Terminal()):
        with pytest.raises(RuntimeError), progress.bar(2, "work") as bar:
            bar.update(1)
            raise RuntimeError


def test_a_log_file_has_no_carriage_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(20 * step) for step in range(99))
    monkeypatch.setattr("alkit.utils.progress.time.monotonic", lambda: next(clock))
    with (tmp_path / "log").open("w", newline="") as log:
        monkeypatch.setattr(sys, "stderr", log)
        progress = Terminal()
        with progress.bar(8, "training") as bar:
            for step in range(8):
                bar.note(f"loss {8 - step}")
                bar.update(1)
                progress.line("a sentence")
    lines = (tmp_path / "log").read_bytes().decode()
    assert "\r" not in lines
    assert [line for line in lines.splitlines() if line != "a sentence"] == [
        f"training: {done} of 8 (loss {9 - done})" for done in (2, 4, 6)
    ]


@pytest.mark.usefixtures("kernel")
def test_a_notebook_without_widgets_gets_lines_on_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 31.0, 62.0])
    monkeypatch.setattr("alkit.utils.progress.time.monotonic", lambda: next(clock))
    progress = chosen_progress(None)
    progress.line("cycle 1")
    with progress.bar(2, "score") as bar:
        bar.update(1)
        bar.update(1)
    assert capsys.readouterr() == ("cycle 1\nscore: 1 of 2\n", "")


def test_programs_are_silent_unless_they_ask() -> None:
    assert type(chosen_progress(None)) is NullProgress
    assert type(chosen_progress(False)) is NullProgress
    assert type(chosen_progress(True)) is Terminal
    own = Terminal()
    assert chosen_progress(own) is own


@pytest.mark.usefixtures("kernel")
def test_notebooks_are_told_unless_they_decline() -> None:
    assert type(chosen_progress(True)) is Notebook
    assert type(chosen_progress(False)) is NullProgress
