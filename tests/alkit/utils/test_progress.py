"""Progress: nothing in a library, lines on standard error, bars on a terminal only."""

from __future__ import annotations

import pytest

from alkit.utils.progress import NullProgress, Terminal


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
    import sys

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
