"""The campaign of faults finds what it looks for, is repeated by its seed, and finds nothing in alkit."""

from __future__ import annotations

import warnings
from pathlib import Path
from random import Random

import pytest


@pytest.fixture
def faults(benchmark_module):
    return benchmark_module("faults")


@pytest.fixture
def trial(benchmark_module):
    return benchmark_module("fault_campaign.trial")


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (0, "\x1b[2J", ""),
        (0, "name\u202e", ""),
        (3, "", "Error: no\n"),
        (1, "", ""),
        (1, "", "Error: one\nError: two\n"),
        (1, "", "Traceback (most recent call last):\nValueError: x\n"),
        (1, "", "Error: " + "x" * 5000),
    ],
)
def test_what_may_not_be_said_is_a_fault(trial, code: int, out: str, err: str) -> None:
    with pytest.raises(trial.Fault):
        trial.judged(trial.Said(("status",), code, out, err))


def test_what_may_be_said_is_none(trial) -> None:
    trial.judged(trial.Said(("status",), 0, "fine\n", ""))
    trial.judged(trial.Said(("status",), 1, "", "Error: there is no campaign\n"))


def test_there_are_as_many_variants_as_promised(faults) -> None:
    variants = {kind.name: kind.variants for kind in faults.kinds()}
    assert variants["mutations"] >= 60
    assert variants["images"] >= 100


def test_a_number_decides_all_of_a_trial(faults) -> None:
    kind = faults.kinds()[0]
    drawn = []
    kind.attempt = lambda world, number, rng: drawn.append((number, rng.random()))
    for _ in range(2):
        kind.once(None, 0, 7)
    kind.once(None, 1, 7)
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == (7, Random("0:mutations:7").random())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_half_a_minute_finds_nothing(faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = faults.kinds()
    with warnings.catch_warnings():
        faults.campaign(0.5, 5, kinds)
    assert {kind.name: kind.failures for kind in kinds} == {kind.name: [] for kind in kinds}
    assert all(kind.tried for kind in kinds)
