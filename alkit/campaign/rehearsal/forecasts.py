"""The result of a rehearsal: what each strategy would gain from the next labels, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from alkit.utils.json_values import AsDict

Verdict = Literal["better", "worse", "cannot tell"]
Judged = Literal["test set", "random images", "all labels"]


@dataclass(frozen=True, slots=True)
class Forecast(AsDict):
    """A value that is not known yet, and the interval that should hold it."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook(AsDict):
    """What so many further labels would bring.

    Attributes:
        more: further labels.
        gain: of the metric, larger if better.
        over_random: that much more than the same number of random labels; None for random itself.
        verdict: compared with random labels; "cannot tell" if the interval holds zero.
        needed: labels in all with which a rehearsal could probably tell; None if it can tell already, or if
            the pool does not have so many images.
    """

    more: int
    gain: Forecast
    over_random: Forecast | None = None
    verdict: Verdict | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class StrategyOutlook(AsDict):
    """The outlooks of one strategy, by the number of further labels."""

    strategy: str
    outlooks: tuple[Outlook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal(AsDict):
    """A rehearsal.

    Attributes:
        labels: labeled images at the time.
        metric: what is forecast.
        higher_is_better: of the metric; gains are larger if better in either case.
        value: of the metric now, with all labels that may be trained on.
        judged: what the models were judged on.
        judges: how many images that were, in each replay.
        seeds: replays of each kind.
        level: share of intervals that should hold the truth.
        strategies: random first.
    """

    labels: int
    metric: str
    higher_is_better: bool
    value: float
    judged: Judged
    judges: int
    seeds: int
    level: float
    strategies: tuple[StrategyOutlook, ...]


def rehearsal_from(table: Mapping[str, Any]) -> Rehearsal:
    """Return the rehearsal that `Rehearsal.as_dict` has written.

    Raises:
        TypeError, KeyError: it is not one.
    """
    found = [StrategyOutlook(item["strategy"], _outlooks(item["outlooks"])) for item in table["strategies"]]
    return Rehearsal(**{**table, "strategies": tuple(found)})


def _outlooks(tables: list[dict[str, Any]]) -> tuple[Outlook, ...]:
    return tuple(
        Outlook(
            **{
                **table,
                "gain": Forecast(**table["gain"]),
                "over_random": None if table["over_random"] is None else Forecast(**table["over_random"]),
            }
        )
        for table in tables
    )
