"""Proportions and differences: published examples, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alkit.utils.proportions import difference, needed_for_width, needed_to_settle, share


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(hits: int, of: int, low: float, high: float) -> None:
    """Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3."""
    found = share(hits, of)
    assert (found.value, round(found.low, 4), round(found.high, 4)) == (hits / of, low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_as_published(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe, Interval estimation for the difference between independent proportions, 1998, table II."""
    found = difference(share(*first), share(*second))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        share(2, 1)


def test_in_words() -> None:
    assert str(share(8, 10)) == "0.800 (0.490 to 0.943 at 95%; 8 of 10)"
    assert str(difference(share(9, 10), share(3, 10))) == "+0.600 (+0.171 to +0.809 at 95%)"


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_a_difference_lies_in_its_interval_and_turns_round(n: int, m: int, data: st.DataObject) -> None:
    first, second = (share(data.draw(st.integers(0, size)), size) for size in (n, m))
    there, back = difference(first, second), difference(second, first)
    assert -1 - 1e-9 <= there.low <= there.value <= there.high <= 1 + 1e-9
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.settled == back.settled
    assert there.scaled(2).high == 2 * there.high


@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95])
def test_the_interval_of_a_share_covers_the_truth(truth: float) -> None:
    """The mean over the binomial distribution, computed and not drawn, is near the level."""
    from scipy.stats import binom

    of = 60
    found = [share(hits, of) for hits in range(of + 1)]
    covered = sum(binom.pmf(s.hits, of, truth) for s in found if s.low <= truth <= s.high)
    assert 0.92 < covered < 0.985


@pytest.mark.slow
def test_the_interval_of_a_difference_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    picks, control = rng.binomial(90, 0.4, 300), rng.binomial(10, 0.2, 300)
    found = [difference(share(int(a), 90), share(int(b), 10)) for a, b in zip(picks, control, strict=True)]
    covered = np.mean([d.low <= 0.2 <= d.high for d in found])
    assert 0.93 < covered < 0.985


@pytest.mark.slow
def test_as_many_as_are_needed_settle_a_difference_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    needed = needed_to_settle(0.4, 0.2, ratio=9)
    drawn = zip(rng.binomial(9 * needed, 0.4, 300), rng.binomial(needed, 0.2, 300), strict=True)
    settled = [difference(share(int(a), 9 * needed), share(int(b), needed)).settled for a, b in drawn]
    assert 0.75 < np.mean(settled) < 0.87


def test_needed_to_settle_as_published() -> None:
    """Fleiss, Levin and Paik, 2003, table A.4 without correction: 0.25 against 0.40, equal samples."""
    assert needed_to_settle(0.25, 0.40, ratio=1) == 152


def test_more_are_needed_for_less() -> None:
    assert needed_to_settle(0.25, 0.2, ratio=9) > needed_to_settle(0.3, 0.2, ratio=9)
    with pytest.raises(ZeroDivisionError):
        needed_to_settle(0.2, 0.2, ratio=1)


def test_the_number_for_a_width() -> None:
    assert (needed_for_width(0.1), needed_for_width(0.05)) == (97, 385)
