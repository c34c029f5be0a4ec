"""What is suggested: a change only where an interval speaks for it."""

from __future__ import annotations

import re

from alkit.campaign.analysis.advice import suggestion
from alkit.campaign.analysis.evidence import CampaignEvidence, ControlAccuracy, ControlComparison, Point, gain
from alkit.utils.proportions import difference, share


def points(*hits: int, of: int = 1000) -> list[Point]:
    return [Point(i, 100 * i + 100, share(right, of)) for i, right in enumerate(hits)]


def compared(picks: tuple[int, int], control: tuple[int, int]) -> CampaignEvidence:
    """So many errors out of so many, on picks and on the control."""
    chosen, random = share(*picks), share(*control)
    harder = difference(chosen, random)
    return CampaignEvidence(
        comparison=ControlComparison(
            strategy="entropy",
            queries=(1,),
            picks=chosen,
            control=random,
            harder=harder,
            planned=0.05,
            needed=None if harder.settled else 300,
        )
    )


def test_without_data_it_says_that_it_cannot_tell() -> None:
    found = suggestion(CampaignEvidence())
    assert found.action == "go on"
    assert all(re.search("unknown", reason) for reason in found.reasons)


def test_labels_in_sight_of_the_guess_are_said_not_to_count() -> None:
    found = ControlAccuracy(
        queries=(1,),
        labels=100,
        asked=10,
        unanswered=0,
        given_up=0,
        unlabeled=0,
        guess_seen=3,
        accuracy=share(5, 7),
        same_model=True,
    )
    words = suggestion(CampaignEvidence(accuracy=(found,))).reasons[0]
    assert "Labels of 3 control images do not count" in words


def test_stop_only_where_the_interval_says_so() -> None:
    curve = points(800, 930)
    evidence = CampaignEvidence(curve=tuple(curve), gain=gain(curve, "test"))
    assert suggestion(evidence, target=0.92).action == "go on", "0.930 may be 0.912"
    enough = suggestion(evidence, target=0.9)
    assert enough.action == "stop"
    assert "lower end reaches the target of 0.9" in enough.reasons[0]
    falling = points(930, 800)
    flat = suggestion(CampaignEvidence(curve=tuple(falling), gain=gain(falling, "test")))
    assert (flat.action, "upper end is below 0.005" in flat.reasons[0]) == ("stop", True)
    assert suggestion(CampaignEvidence(), stopped=["The budget is spent."]).reasons == (
        "The budget is spent.",
    )


def test_switch_only_where_the_picks_are_measurably_easier() -> None:
    assert suggestion(compared((0, 90), (6, 10))).action == "switch strategy"
    harder = suggestion(compared((70, 90), (1, 10)))
    assert (harder.action, "does not know yet" in harder.reasons[2]) == ("go on", True)
    unclear = suggestion(compared((1, 9), (0, 1)))
    assert (unclear.action, "may be chance" in unclear.reasons[2]) == ("go on", True)
    assert re.search(r"difference of 0\.\d{3} .*\b300 control labels", unclear.reasons[2])
