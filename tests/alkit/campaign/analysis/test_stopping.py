"""Rules that end a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from alkit.campaign.analysis.evidence import MetricPoint, Point
from alkit.campaign.analysis.stopping import Accuracy, Budget, Flat, Reached, parse
from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.events import Stopped
from alkit.errors import InvalidOption
from alkit.utils.proportions import share


def curve(*hits: int, of: int = 1000, step: int = 100) -> list[Point]:
    return [Point(i, step * (i + 1), share(right, of)) for i, right in enumerate(hits)]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("budget=2000", Budget(2000)),
        ("accuracy=0.9", Accuracy(0.9)),
        ("flat=0.005:3", Flat(0.005, 3)),
        ("flat=0:1", Flat(0, 1)),
        ("target=rmse:4.5", Reached("rmse", 4.5)),
        ("accuracy=0.98765432", Accuracy(0.98765432)),
        ("flat=0.0012345678:2", Flat(0.0012345678, 2)),
    ],
)
def test_a_rule_is_written_as_it_is_read(text: str, rule: object) -> None:
    assert parse(text) == rule
    assert str(rule) == text


@pytest.mark.parametrize(
    "text",
    ["", "budget", "budget=", "budget=0", "budget=1.5", "accuracy=90", "accuracy=nan", "flat=0.1", "time=3"],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"not a stopping rule.* budget=LABELS"):
        parse(text)


@pytest.mark.parametrize("value", ["1:2", "0.1:0", "0.1:2:3", ":", "0.1:x"])
def test_flat_needs_a_gain_and_cycles(value: str) -> None:
    with pytest.raises(InvalidOption):
        parse(f"flat={value}")


def test_a_budget_is_never_exceeded() -> None:
    rule = Budget(100)
    assert rule.reason([], 80, 20) is None
    assert rule.reason([], 81, 20) == "With 81 labels, 20 more would exceed the budget of 100."


def test_the_lower_end_has_to_reach_the_target() -> None:
    rule = Accuracy(0.9)
    assert rule.reason([], 0, 1) is None
    assert rule.reason(curve(905), 100, 10) is None, "0.905 of 1,000 may be 0.885"
    reason = rule.reason(curve(930), 100, 10)
    assert reason is not None
    assert "0.930 (0.912 to 0.944 at 95%; 930 of 1,000)" in reason


def test_flat_is_flat_in_each_of_the_last_cycles() -> None:
    rule = Flat(0.01, 2)
    assert rule.reason(curve(500, 505), 200, 100) is None, "one step only"
    assert rule.reason(curve(500, 505, 600), 300, 100) is None
    assert rule.reason(curve(500, 600, 605), 300, 100) is None
    assert rule.reason(curve(500, 600, 605, 600), 400, 100) == (
        "In each of the last 2 cycles, 100 labels gained less than 0.01 in test accuracy: +0.0050, -0.0050."
    )
    assert rule.reason(curve(500, 505, 510, step=10), 30, 10) is None, "by 100 labels, not by cycle"


def test_a_cycle_without_labels_says_nothing() -> None:
    still = [Point(i, 100, share(500, 1000)) for i in range(5)]
    assert Flat(0.01, 2).reason(still, 100, 10) is None


def test_a_run_ends_by_a_rule_and_stays_ended(pictures: Path, tmp_path: Path) -> None:
    arguments = {"test": str(pictures), "task_options": {"epochs": 20}, "oracle": "dataset"}
    with create(tmp_path / "sim", str(pictures), **arguments) as campaign:  # type: ignore[arg-type]
        oracle = campaign.oracle()
        assert oracle is not None
        rules = [parse("budget=25")]
        history = campaign.run(oracle, cycles=4, n=10, strategy="random", stop=rules)
        assert [record.labels for record in history] == [10, 20]
        reason = "With 20 labels, 10 more would exceed the budget of 25."
        assert campaign.stopped == Stopped(cycle=2, rule="budget=25", reason=reason)
        events = len(campaign.ledger.all_events())
        assert campaign.run(oracle, cycles=4, n=10, strategy="random", stop=rules) == history
        assert len(campaign.ledger.all_events()) == events
        again = campaign.run(oracle, cycles=2, n=10, strategy="random", stop=[parse("budget=40")])
        assert [record.labels for record in again] == [10, 20, 30]
        assert campaign.stopped is None, "there has been a query since"
        enough = campaign.run(oracle, cycles=4, n=10, strategy="random", stop=[parse("accuracy=0.01")])
        assert (len(enough), campaign.stopped is not None) == (3, True)


def test_a_rule_about_the_curve_needs_test_images(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        oracle = campaign.oracle("dataset")
        assert oracle is not None
        with pytest.raises(InvalidOption, match=r"flat=0\.01:2 .*test images.* --test"):
            campaign.run(oracle, cycles=1, n=5, stop=[parse("budget=5"), parse("flat=0.01:2")])
        assert not campaign.queries


@pytest.mark.parametrize(
    ("higher", "value", "stops"), [(True, 5.0, True), (True, 4.0, False), (False, 4.0, True)]
)
def test_another_metric_reaches_its_target_from_its_own_side(higher: bool, value: float, stops: bool) -> None:
    points = [MetricPoint(cycle=1, labels=9, metric="rmse", value=value, higher_is_better=higher)]
    assert (Reached("rmse", 4.5).reason(points, 9, 1) is not None) == stops
    assert Reached("mae", 4.5).reason(points, 9, 1) is None
