"""From replays to forecasts: a fitted learning curve, what strategies gain beside it, and intervals.

Random labels are forecast by a power law. A strategy's gain is that of random labels times a ratio: how much
it gained in its replays for what random labels gained in the same ones, drawn towards one where replays are
few or disagree. An interval covers replays with other labels, and the luck of a single campaign that is
judged on few images; its width was calibrated on simulated campaigns by `benchmarks/forecasts/calibrate.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .forecasts import Forecast, Outlook, StrategyOutlook, Verdict
from .power_law import fit_power_laws

if TYPE_CHECKING:
    import numpy.typing as npt

    from .replays import Arm, Replays

    Floats = npt.NDArray[np.float64]

LEVEL = 0.9
WIDTH_OF_GAIN = 2.8
WIDTH_OVER_RANDOM = 1.9
BOOTSTRAPS = 200
PRIOR = 0.15
"""Standard deviation of a strategy's ratio before anything is seen: most are between 0.7 and 1.3."""
LUCK_KEPT = 0.5
"""Share of the present model's distance from the fitted curve that later models keep."""
FOR_CERTAIN = 1e-4


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its standard error."""

    value: float
    error: float

    def forecast(self, width: float) -> Forecast:
        """Return the value with an interval of so many standard errors on each side."""
        return Forecast(self.value, self.value - width * self.error, self.value + width * self.error)


@dataclass(frozen=True, slots=True)
class RandomGain:
    """What random labels gain.

    Attributes:
        value: the estimate.
        curve: standard error, since other replays would give another curve.
        luck: standard error of what a single campaign reaches, on few images.
    """

    value: float
    curve: float
    luck: float

    @property
    def estimate(self) -> Estimate:
        """The estimate with its whole error."""
        return Estimate(self.value, math.hypot(self.curve, self.luck))


def outlooks(
    replays: Replays, *, labels: int, pool: int, more: Sequence[int], top: float, luck: float
) -> tuple[StrategyOutlook, ...]:
    """Forecast what random labels and each strategy would gain.

    Args:
        replays: of the labels at hand.
        labels: labeled images now.
        pool: images that can ever be labeled, these included.
        more: numbers of further labels.
        top: the best value that the metric can have.
        luck: see `luck_of`.
    """
    gains = {count: random_gain(replays, labels, count, top=top, luck=luck) for count in more}
    found = [StrategyOutlook("random", tuple(_random_outlook(n, gain) for n, gain in gains.items()))]
    for name, arms in replays.arms.items():
        ratio = ratio_of(replays, arms)
        found.append(
            StrategyOutlook(name, tuple(_outlook(n, g, ratio, labels, pool) for n, g in gains.items()))
        )
    return tuple(found)


def luck_of(replays: Replays, judges: int, *, is_share: bool) -> float:
    """Return how much a single campaign differs from the mean of many, as a standard error.

    Args:
        replays: of the labels at hand.
        judges: how many images the metric is measured on.
        is_share: the metric is a share of these images, and at least varies as one; else it is estimated from
            how differently replays rise.
    """
    values = np.array(replays.curve)
    if not is_share:
        return float(np.diff(values, axis=1)[:, -2].std(ddof=1))
    now = float(values[:, -1].mean())
    return math.sqrt(max(now * (1 - now), 1 / judges) / judges)


def random_gain(replays: Replays, labels: int, more: int, *, top: float, luck: float) -> RandomGain:
    """Forecast the gain of so many further random labels."""
    values = np.array(replays.curve)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(values), size=(BOOTSTRAPS, len(values)))
    resampled = np.concatenate([values.mean(0)[None], values[drawn].mean(1)])
    laws = fit_power_laws(replays.sizes, resampled, top)
    now, then = laws.at(labels), laws.at(labels + more)
    distance = values[:, -1].mean() - laws.at(replays.sizes[-1])[0]
    gain = then[0] - now[0] - (1 - LUCK_KEPT) * distance
    return RandomGain(float(gain), float((then - now)[1:].std()), luck)


def ratio_of(replays: Replays, arms: Sequence[Arm]) -> Estimate:
    """Return what a strategy gained in its replays for each unit that random labels gained."""
    sizes = list(replays.sizes)
    values = np.array(replays.curve)
    own, others = [], []
    for arm in arms:
        start, end = values[:, sizes.index(arm.start)], values[:, sizes.index(arm.end)]
        own.append(np.array(arm.values) - start)
        others.append(end - start)
    gained, random = np.concatenate(own), np.concatenate(others)
    if random.mean() < FOR_CERTAIN:
        return Estimate(1.0, PRIOR)
    ratio = gained.mean() / random.mean()
    error = float((gained - ratio * random).std(ddof=1) / math.sqrt(len(random)) / random.mean())
    trust = PRIOR**2 / (PRIOR**2 + max(error, FOR_CERTAIN) ** 2)
    return Estimate(float(1 + trust * (ratio - 1)), PRIOR * math.sqrt(1 - trust))


def over_random(gain: RandomGain, ratio: Estimate) -> Estimate:
    """Forecast how much more a strategy gains than random labels."""
    value = (ratio.value - 1) * gain.value
    return Estimate(
        value,
        math.hypot(gain.value * ratio.error, (ratio.value - 1) * gain.curve, gain.luck),
    )


def strategy_gain(gain: RandomGain, ratio: Estimate) -> Estimate:
    """Forecast what a strategy gains."""
    error = math.hypot(gain.value * ratio.error, ratio.value * gain.curve, gain.luck)
    return Estimate(ratio.value * gain.value, error)


def _random_outlook(more: int, gain: RandomGain) -> Outlook:
    return Outlook(more=more, gain=gain.estimate.forecast(WIDTH_OF_GAIN))


def _outlook(more: int, gain: RandomGain, ratio: Estimate, labels: int, pool: int) -> Outlook:
    better = over_random(gain, ratio).forecast(WIDTH_OVER_RANDOM)
    verdict: Verdict = "better" if better.low > 0 else "worse" if better.high < 0 else "cannot tell"
    return Outlook(
        more=more,
        gain=strategy_gain(gain, ratio).forecast(WIDTH_OF_GAIN),
        over_random=better,
        verdict=verdict,
        needed=_needed(better, labels, pool) if verdict == "cannot tell" else None,
    )


def _needed(better: Forecast, labels: int, pool: int) -> int | None:
    """Return with how many labels the interval would leave out zero, if it shrinks as 1 / sqrt(labels)."""
    half = better.high - better.value
    if abs(better.value) < FOR_CERTAIN:
        return None
    exact = labels * (half / better.value) ** 2
    if exact > pool:
        return None
    unit = 10 ** max(0, math.floor(math.log10(exact)) - 1)
    return math.ceil(exact / unit) * unit
