"""Comparisons: verdicts in words, invariances, few seeds, gaps."""

from __future__ import annotations

import gc
import json
import re

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from alkit.bench.statistics import Comparison, Versus, compare
from alkit.bench.statistics.curves import Curves, Floats, InvalidRecords
from alkit.errors import UsageError

LABELS = np.array([100, 200, 400])
GAINS = {"random": 0.0, "entropy": 0.03, "vaal": 0.001, "coreset": -0.03}


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of statsmodels' `multipletests` collects garbage, which takes longer than all the rest."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def curves(seeds: int = 6, spread: float = 0.005, *, higher: bool = True) -> Curves:
    rng = np.random.default_rng(11)
    base = np.array([0.4, 0.6, 0.7]) + rng.normal(0.0, 0.05, (seeds, 1))
    sign = 1 if higher else -1
    values = {
        name: sign * (base + gain * np.array([0, 1, 1]) + rng.normal(0.0, spread, (seeds, 3)))
        for name, gain in GAINS.items()
    }
    return Curves("accuracy", higher, LABELS, tuple(GAINS), tuple(range(seeds)), values)


def constant(gain: float, seeds: int) -> Curves:
    base = np.array([0.4, 0.6, 0.7]) + np.linspace(0.0, 0.1, seeds)[:, None]
    values = {"random": base, "entropy": base + gain}
    return Curves("accuracy", True, LABELS, ("random", "entropy"), tuple(range(seeds)), values)


def versus(comparison: Comparison, name: str) -> Versus:
    return next(one for one in comparison.versus if one.strategy == name)


def area(values: Floats) -> Floats:
    return (100 * (values[:, 0] + values[:, 1]) / 2 + 200 * (values[:, 1] + values[:, 2]) / 2) / 300


@pytest.mark.parametrize("higher", [True, False])
def test_verdicts(higher: bool) -> None:
    comparison = compare(curves(higher=higher))
    assert {one.strategy: one.verdict for one in comparison.versus} == {
        "entropy": "better",
        "vaal": "tie",
        "coreset": "worse",
    }
    sentence = versus(comparison, "vaal").sentence
    assert re.match(r"vaal cannot be told apart from random\b.* 6 seeds \(area [+-]0\.\d{4} \[", sentence)
    sentence = versus(comparison, "entropy").sentence
    assert re.match(r"entropy is better than random\b.* 6 seeds \(area [+-]0\.\d{4} \[", sentence)
    assert comparison.notes == ()


def test_figures_are_those_of_scipy_and_statsmodels() -> None:
    given = curves()
    comparison = compare(given)
    names = ("entropy", "vaal", "coreset")
    areas = {name: area(values) for name, values in given.values.items()}
    p = [stats.ttest_rel(areas[name], areas["random"]).pvalue for name in names]
    for name, one, corrected in zip(names, p, multipletests(p, method="holm")[1], strict=True):
        found = versus(comparison, name).area
        assert (found.p, found.p_holm) == pytest.approx((one, corrected), rel=1e-6)
        assert found.estimate.mean == pytest.approx(np.mean(areas[name] - areas["random"]))
        assert found.bca_low is not None and found.bca_high is not None and found.bca_low < found.bca_high
    for step in range(3):
        rivals = [
            stats.ttest_rel(given.values[n][:, step], given.values["random"][:, step]).pvalue for n in names
        ]
        expected = multipletests(rivals, method="holm")[1]
        assert [versus(comparison, name).steps[step].p_holm for name in names] == pytest.approx(
            expected, rel=1e-6
        )
    summary = comparison.summaries[1]
    assert summary.strategy == "entropy" and summary.areas == pytest.approx(areas["entropy"].tolist())
    assert summary.area.mean == pytest.approx(areas["entropy"].mean())
    assert summary.steps[1].std == pytest.approx(given.values["entropy"][:, 1].std(ddof=1))
    assert summary.final == summary.steps[2]


def test_a_verdict_heeds_the_correction() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (5, 1))
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    shift = 0.01 * noise + 0.01 * 3.0 / 5**0.5  # t = 3, p = 0.04
    base = np.full((5, 3), 0.5)
    names = ("random", "entropy", "vaal")
    one = Curves(
        "accuracy", True, LABELS, names[:2], tuple(range(5)), {"random": base, "entropy": base + shift}
    )
    assert versus(compare(one), "entropy").area.p_holm == pytest.approx(2 * stats.t.sf(3, 4))
    assert versus(compare(one), "entropy").verdict == "better"
    two = Curves("accuracy", True, LABELS, names, one.seeds, {**one.values, "vaal": base + noise})
    assert versus(compare(two), "entropy").area.p == pytest.approx(2 * stats.t.sf(3, 4))
    assert versus(compare(two), "entropy").verdict == "tie"


def test_another_baseline_and_level() -> None:
    comparison = compare(curves(), baseline="entropy", level=0.8)
    assert [one.strategy for one in comparison.versus] == ["random", "vaal", "coreset"]
    assert versus(comparison, "random").verdict == "worse"
    wide = compare(curves(), baseline="entropy").summaries[0].area
    narrow = comparison.summaries[0].area
    assert wide.low is not None and narrow.low is not None and wide.low < narrow.low


def test_the_order_of_seeds_changes_nothing() -> None:
    given = curves()
    order = np.array([3, 0, 5, 1, 4, 2])
    permuted = {name: values[order] for name, values in given.values.items()}
    other = compare(Curves("accuracy", True, LABELS, given.strategies, given.seeds, permuted))
    expected = compare(given)
    assert (other.wins, other.ranks) == (expected.wins, expected.ranks)
    for one, two in zip(other.versus, expected.versus, strict=True):
        assert (one.steps, one.area, one.verdict, one.power) == (two.steps, two.area, two.verdict, two.power)
    for mine, theirs in zip(other.summaries, expected.summaries, strict=True):
        assert (mine.steps, mine.area) == (theirs.steps, theirs.area)


def test_a_constant_a_seed_changes_no_paired_figure() -> None:
    given = curves()
    offsets = np.array([0.1, -0.3, 1 / 3, 0.7, 0.0, 5.0])[:, None]
    shifted = {name: values + offsets for name, values in given.values.items()}
    other = compare(Curves("accuracy", True, LABELS, given.strategies, given.seeds, shifted))
    expected = compare(given)
    assert (other.wins, other.ranks) == (expected.wins, expected.ranks)
    for one, two in zip(other.versus, expected.versus, strict=True):
        assert one.verdict == two.verdict
        assert one.area.p == pytest.approx(two.area.p, rel=1e-6)
        assert one.area.bca_low == pytest.approx(two.area.bca_low)
        assert one.savings.saved == pytest.approx(two.savings.saved)


def test_one_seed_says_so() -> None:
    comparison = compare(curves(seeds=1))
    assert [one.verdict for one in comparison.versus] == ["untested"] * 3
    assert versus(comparison, "vaal").sentence == (
        "vaal was not tested: it shares one complete seed with random, and a test needs two"
    )
    assert versus(comparison, "vaal").area.estimate.low is None
    (note,) = comparison.notes
    assert re.search(r"only one seed\b.* no intervals and no tests", note)


def test_two_seeds_have_wide_intervals() -> None:
    entropy = versus(compare(curves(seeds=2)), "entropy")
    assert entropy.area.bca_low is None
    assert entropy.area.estimate.high is not None and entropy.area.estimate.low is not None
    half = (entropy.area.estimate.high - entropy.area.estimate.low) / 2
    assert entropy.area.estimate.std is not None
    assert half == pytest.approx(12.7062 / 2**0.5 * entropy.area.estimate.std, rel=1e-5)


@pytest.mark.parametrize("seeds", [2, 3, 6])
@pytest.mark.parametrize("gain, verdict", [(0.1, "better"), (0.0, "tie"), (-0.1, "worse")])
def test_constant_differences(gain: float, verdict: str, seeds: int) -> None:
    comparison = compare(constant(gain, seeds))
    found = versus(comparison, "entropy")
    assert found.verdict == verdict
    assert found.area.estimate.std == 0.0 and found.power.detectable == 0.0
    assert ("takes for certainty" in found.sentence) == (gain != 0)
    json.dumps(comparison.as_dict(), allow_nan=False)


def test_gaps_are_counted_and_said() -> None:
    given = curves()
    given.values["vaal"][4:, 2] = np.nan
    given.values["random"][0] = np.nan
    given.values["coreset"][:] = np.nan
    comparison = compare(given)
    vaal = versus(comparison, "vaal")
    assert (vaal.n, vaal.steps[0].estimate.n, vaal.steps[2].estimate.n) == (3, 5, 3)
    assert versus(comparison, "coreset").sentence == (
        "coreset was not tested: it shares no complete seed with random, and a test needs two"
    )
    assert comparison.summaries[2].areas[4:] == (None, None)
    facts = (
        ("5 of 6 seeds are complete", "random"),
        ("4 of 6 seeds are complete", "vaal"),
        ("0 of 6 seeds are complete", "coreset"),
        ("wins and ranks", "coreset"),
    )
    for (fact, concerned), note in zip(facts, comparison.notes, strict=True):
        assert fact in note
        assert [name for name in given.strategies if name in note] == [concerned]
    json.dumps(comparison.as_dict(), allow_nan=False)


@pytest.mark.parametrize("seeds", [1, 2, 6])
def test_as_json_values(seeds: int) -> None:
    shown = json.loads(json.dumps(compare(curves(seeds=seeds)).as_dict(), allow_nan=False))
    assert shown["labels"] == [100, 200, 400] and shown["seeds"] == list(range(seeds))
    assert shown["versus"][0]["area"]["estimate"]["n"] == seeds


def test_the_baseline_alone() -> None:
    alone = Curves("accuracy", True, LABELS, ("random",), (0, 1), {"random": np.ones((2, 3))})
    comparison = compare(alone)
    assert comparison.versus == () and comparison.summaries[0].area.mean == 1.0


def test_what_does_not_fit() -> None:
    with pytest.raises(InvalidRecords, match=r"baseline 'best'.*random, entropy, vaal, coreset"):
        compare(curves(), baseline="best")
    with pytest.raises(UsageError, match=r"between 0 and 1, such as 0\.95, not 95"):
        compare(curves(), level=95)
