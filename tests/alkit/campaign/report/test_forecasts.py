"""The sections on the error on the pool and on the last rehearsal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from alkit.campaign.analysis.evidence import CampaignEvidence
from alkit.campaign.analysis.pool_error import PoolError
from alkit.campaign.analysis.unequal_chances import wilson
from alkit.campaign.rehearsal.forecasts import Forecast, Outlook, Rehearsal, StrategyOutlook
from alkit.campaign.report.pool_error import errors
from alkit.campaign.report.rehearsal import rehearsed
from alkit.utils.proportions import ProportionDifference, Share

GAIN = Forecast(0.02, -0.01, 0.05)


def item(query: int, strategy: str, **known: Any) -> PoolError:
    nothing = {"unanswered": 0, "error": None, "picks": None, "excess": None}
    return PoolError(query=query, strategy=strategy, labels=100, **(nothing | known))


def text(blocks: Any) -> str:
    return " ".join(map(str, blocks))


def test_weighted_errors_waiting_queries_and_strategies_without_chances() -> None:
    weighted = item(
        1,
        "power(entropy)",
        drawn=20,
        error=wilson(0.25, 40),
        picks=Share(8, 20, 0.2, 0.6),
        excess=ProportionDifference(0.15, 0.0, 0.3),
    )
    found = (weighted, item(2, "power(margin)", drawn=20, unanswered=3), item(3, "badge", drawn=0))
    shown = text(errors(SimpleNamespace(evidence=CampaignEvidence(pool_error=found))))  # type: ignore[arg-type]
    assert "0.250 [" in shown and "0.400" in shown and "0.150 [0.000, 0.300]" in shown
    assert "unknown until all images of query 2 are answered" in shown
    ended = text(
        errors(
            SimpleNamespace(  # type: ignore[arg-type]
                evidence=CampaignEvidence(pool_error=(item(5, "power", drawn=9, unanswered=2, given_up=2),))
            )
        )
    )
    assert "stays unknown for query 5" in ended and "until all images" not in ended
    assert "'badge' have no known chances" in shown
    assert not errors(SimpleNamespace(evidence=CampaignEvidence()))  # type: ignore[arg-type]


def test_the_last_rehearsal_and_how_old_it_is() -> None:
    outlook = Outlook(more=100, gain=GAIN, over_random=GAIN, verdict="cannot tell", needed=900)
    rehearsal = Rehearsal(
        labels=100,
        metric="accuracy",
        higher_is_better=True,
        value=0.8,
        judged="all labels",
        judges=50,
        seeds=5,
        level=0.9,
        strategies=(
            StrategyOutlook("random", (Outlook(more=100, gain=GAIN),)),
            StrategyOutlook("margin", (outlook,)),
        ),
    )
    found: Any = SimpleNamespace(rehearsal=rehearsal, labels=150)
    shown = text(rehearsed(found))
    assert "about 900 labels would" in shown and "50 labels ago" in shown
    assert "For 'margin' these labels cannot tell" in shown
    assert rehearsed(SimpleNamespace(rehearsal=None)) == []  # type: ignore[arg-type]
