"""What a campaign's own answers say about its model and its strategy, with intervals.

`gather(campaign)` collects all of it as `CampaignEvidence`; the other functions are pure and work on queries
and learning curves of any origin. Every figure is a `Share` or a `ProportionDifference`, which carries its
interval; if the data are too few, the figure is None, or says how many labels would settle it.

The intervals cover the sampling of images. They do not cover training with another seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from alkit.campaign.record.settings import CLASS
from alkit.campaign.record.trainings import history
from alkit.plugin import registry
from alkit.utils.json_values import AsDict
from alkit.utils.proportions import ProportionDifference, Share, difference, needed_to_settle, share

from .agreement import Agreement, agreement
from .avoided import Avoided, avoided
from .pool_error import PoolError, pool_error

if TYPE_CHECKING:
    from alkit.campaign.record.query import Pick, Query
    from alkit.campaign.session import CampaignSession


ACCURACY = "accuracy"
RECENT = 3  # queries or trainings that count as recent
SMALLEST = 0.05  # smallest difference of error rates worth planning for


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAccuracy(AsDict):
    """How often the model was right on images drawn at random from the pool that remained.

    Abstentions and unusable images are left out of `accuracy`: it is the accuracy on images that have a
    label. So are answers by people who saw the model's guess, because they lean towards it.

    Attributes:
        queries: the numbers of the queries.
        labels: how many labels people had given at the last of them.
        copied: how many images had a copy of another's label then.
        asked: control images.
        unanswered: control images without an answer so far.
        given_up: control images that will get no answer.
        unlabeled: control images answered with `abstain` or `unusable`.
        guess_seen: control images whose annotator saw the model's guess.
        accuracy: on the remaining ones, or None if there are none.
        same_model: a single model predicted all; otherwise `accuracy` is the mean of several models.
    """

    queries: tuple[int, ...]
    labels: int
    asked: int
    unanswered: int
    given_up: int
    unlabeled: int
    guess_seen: int
    accuracy: Share | None
    same_model: bool
    copied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlComparison(AsDict):
    """The model's errors on the strategy's picks compared with those on the control: are the picks harder?

    Attributes:
        strategy: name of the strategy.
        queries: the numbers of the queries: those of this strategy that have both.
        picks: error rate on the strategy's picks.
        control: error rate on the control images.
        harder: picks minus control.
        planned: the difference that `needed` is about: the one found, at least five points.
        needed: control labels in all with which a difference as large as `planned` would show four times in
            five, picks growing along; None if the difference is settled.
    """

    strategy: str
    queries: tuple[int, ...]
    picks: Share
    control: Share
    harder: ProportionDifference
    planned: float
    needed: int | None


@dataclass(frozen=True, slots=True)
class ClassBalance(AsDict):
    """One class's share among the labels that the strategy's picks got, and among those of the control."""

    json_keys: ClassVar[tuple[str, ...]] = ("class=name", "picks", "control")

    name: str
    picks: Share | None
    control: Share | None


@dataclass(frozen=True, slots=True)
class Point(AsDict):
    """A point of a learning curve: a model's accuracy at so many labels by people, and copies of them."""

    cycle: int
    labels: int
    accuracy: Share
    copied: int = 0

    @property
    def metric(self) -> str:
        """Name of what was measured."""
        return "accuracy"

    @property
    def goodness(self) -> float:
        """The value, larger if better."""
        return self.accuracy.value


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint(AsDict):
    """A point of a learning curve of another metric than accuracy, which has no known interval."""

    cycle: int
    labels: int
    metric: str
    value: float
    higher_is_better: bool = True
    copied: int = 0

    @property
    def goodness(self) -> float:
        """The value, larger if better."""
        return self.value if self.higher_is_better else -self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain(AsDict):
    """What recent labels have gained.

    Attributes:
        per_100: accuracy gained by 100 labels. On the test set both models see the same images, and the
            interval, which takes them for independent samples, is wider than it need be.
        first: the point it is counted from.
        last: the newest one.
        source: accuracy on the `test` set, or on the `control` images where there is no test set.
    """

    per_100: ProportionDifference
    first: Point
    last: Point
    source: Literal["test", "control"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvidence(AsDict):
    """Everything that a campaign's answers say.

    Attributes:
        accuracy: on the remaining pool, by query with a control, the oldest first.
        recent: the last of them together; the mean over their models, see `ControlAccuracy.same_model`.
        comparison: of the last strategy's picks with the control, or None without both.
        classes: class balance over the same queries, in the order of the classes.
        curve: accuracy on the test set by number of labels, empty without one.
        values: main metric on the test set by number of labels, of a task that computes no accuracy.
        gain: what labels brought lately, or None before there are two points.
        agreement: between annotators, or None before two of them have answered for the same image.
        metric: the task's main one.
        pool_error: of the model on the pool, by query that a strategy chose with a model trained.
        avoided: answers without a label that `usable(...)` has saved, or None if it was not used.
    """

    accuracy: tuple[ControlAccuracy, ...] = ()
    recent: ControlAccuracy | None = None
    comparison: ControlComparison | None = None
    classes: tuple[ClassBalance, ...] = ()
    curve: tuple[Point, ...] = ()
    values: tuple[MetricPoint, ...] = ()
    gain: Gain | None = None
    agreement: Agreement | None = None
    metric: str = ACCURACY
    pool_error: tuple[PoolError, ...] = ()
    avoided: Avoided | None = None


def gather(campaign: CampaignSession) -> CampaignEvidence:
    """Collect what a campaign's answers say; reads only the ledger."""
    queries = campaign.queries
    accuracy = tuple(found for query in queries if (found := control_accuracy([query])) is not None)
    curve = tuple(test_curve(campaign))
    single, votes = campaign.settings.labels == CLASS, campaign.state.votes
    return CampaignEvidence(
        accuracy=accuracy,
        recent=control_accuracy([query for query in queries if is_judged(query)][-RECENT:]),
        comparison=comparison(queries),
        classes=tuple(class_balance(queries, campaign.classes)) if single else (),
        curve=curve,
        values=() if curve else tuple(metric_curve(campaign)),
        gain=gain(curve, "test") if len(curve) > 1 else gain(control_curve(accuracy), "control"),
        agreement=agreement(votes, None if single or not votes else campaign.label_kind),
        metric=ACCURACY if single else _main_metric(campaign),
        avoided=avoided(queries, campaign.classes),
        pool_error=tuple(error for query in queries if (error := pool_error(query)) is not None),
    )


def _main_metric(campaign: CampaignSession) -> str:
    metrics = registry.tasks.get(campaign.settings.task.name).metrics
    return metrics[0].name if metrics else ACCURACY


def is_control(query: Query, pick: Pick) -> bool:
    """Say whether a pick is a random one: of a control slice, or of a strategy that chooses uniformly."""
    return pick.control or query.asked.uniform


def is_judged(query: Query) -> bool:
    """Say whether a query has control images with a prediction, not all of them given up."""
    return any(
        is_control(query, pick) and pick.predicted is not None and not pick.given_up for pick in query.picks
    )


def was_right(pick: Pick) -> bool | None:
    """Say whether the prediction was right, judged by an answer given without seeing it."""
    return None if pick.saw_guess else pick.correct


def control_accuracy(queries: Sequence[Query]) -> ControlAccuracy | None:
    """Estimate the accuracy on the remaining pool from control images.

    Within one query there is one model and one uniform sample of the pool at that time. Over several, it is
    the mean accuracy of their models, each on the pool as it was then; the Wilson interval holds for that
    mean. A uniform sample of a finite pool varies less than the interval allows for, never more.

    Returns:
        None if no query has control images with a prediction; a slice given up as a whole does not count.
    """
    judged = [query for query in queries if is_judged(query)]
    if not judged:
        return None
    picks = [p for query in judged for p in query.picks if is_control(query, p) and p.predicted is not None]
    known = [right for pick in picks if (right := was_right(pick)) is not None]
    guess_seen = sum(pick.saw_guess and pick.correct is not None for pick in picks)
    given_up = sum(pick.given_up for pick in picks)
    unanswered = sum(pick.answer is None for pick in picks) - given_up
    return ControlAccuracy(
        queries=tuple(query.number for query in judged),
        labels=judged[-1].asked.by_people,
        copied=judged[-1].asked.copied or 0,
        asked=len(picks),
        unanswered=unanswered,
        given_up=given_up,
        unlabeled=len(picks) - len(known) - unanswered - given_up - guess_seen,
        guess_seen=guess_seen,
        accuracy=share(sum(known), len(known)) if known else None,
        same_model=len({query.asked.checkpoint for query in judged}) == 1,
    )


def comparison(queries: Sequence[Query]) -> ControlComparison | None:
    """Compare the model's errors on picks and on the control, over the queries of the last strategy.

    Sums over queries are fair only where the control has the same share in each; so queries count that were
    asked by the same strategy, with the same options and the same share, as the last one.

    Returns:
        None unless both have answers.
    """
    compared = _comparable(queries)
    both = [
        (is_control(query, pick), not right)
        for query in compared
        for pick in query.judged
        if (right := was_right(pick)) is not None
    ]
    wrong_picks = [wrong for control, wrong in both if not control]
    wrong_control = [wrong for control, wrong in both if control]
    if not wrong_picks or not wrong_control:
        return None
    picks = share(sum(wrong_picks), len(wrong_picks))
    control = share(sum(wrong_control), len(wrong_control))
    harder = difference(picks, control)
    gap = max(abs(harder.value), SMALLEST)
    return ControlComparison(
        strategy=compared[-1].strategy,
        queries=tuple(query.number for query in compared),
        picks=picks,
        control=control,
        harder=harder,
        planned=gap,
        needed=None if harder.settled else _needed(control.value, gap, ratio=picks.of / control.of),
    )


def class_balance(queries: Sequence[Query], classes: Sequence[str]) -> list[ClassBalance]:
    """Return each class's share among picks and control, over the queries that `comparison` looks at.

    Each class has its own interval: with twenty classes, expect one outside its interval by chance.
    """
    compared = _comparable(queries)
    labels: dict[bool, list[str]] = {False: [], True: []}
    for query in compared:
        for pick in query.judged:
            if pick.answer in classes:
                labels[is_control(query, pick)].append(str(pick.answer))
    if not compared:
        return []
    return [
        ClassBalance(name, _share_of(name, labels[False]), _share_of(name, labels[True])) for name in classes
    ]


def test_curve(campaign: CampaignSession) -> list[Point]:
    """Return the accuracy on the test set by number of labels; empty if the task has no `accuracy`."""
    if campaign.settings.test is None:
        return []
    records, texts = campaign.ledger.test_images()
    labels = [campaign.state.test_label(text) for text in texts]
    tested = sum(r.unusable is None and labels[r.index] is not None for r in records)
    return [
        Point(
            record.cycle,
            record.labels,
            share(round(record.metrics["accuracy"] * tested), tested),
            record.copied,
        )
        for record in history(campaign.ledger)
        if tested and "accuracy" in record.metrics
    ]


def metric_curve(campaign: CampaignSession) -> list[MetricPoint]:
    """Return the main metric on the test set by number of labels, for a task without `accuracy`."""
    judged = [record for record in history(campaign.ledger) if record.metrics]
    if not judged or "accuracy" in judged[-1].metrics:
        return []
    name = next(iter(judged[-1].metrics))
    known = {metric.name: metric for metric in registry.tasks.get(campaign.settings.task.name).metrics}
    better = name not in known or known[name].higher_is_better
    return [
        MetricPoint(
            cycle=record.cycle,
            labels=record.labels,
            copied=record.copied,
            metric=name,
            value=record.metrics[name],
            higher_is_better=better,
        )
        for record in judged
        if name in record.metrics
    ]


def control_curve(accuracy: Sequence[ControlAccuracy]) -> list[Point]:
    """Return the accuracy on control images by number of labels.

    The pool that remains changes from query to query, and with it what the accuracy is measured on.
    """
    return [
        Point(item.queries[-1] - 1, item.labels, item.accuracy, item.copied)  # queries before that one
        for item in accuracy
        if item.accuracy is not None
    ]


def gain(curve: Sequence[Point], source: Literal["test", "control"], over: int = RECENT) -> Gain | None:
    """Return what 100 labels have brought over the last steps of a curve.

    Returns:
        None if there are fewer than two points, or no labels between them.
    """
    recent = curve[-over - 1 :]
    if len(recent) < 2 or recent[-1].labels <= recent[0].labels:
        return None
    first, last = recent[0], recent[-1]
    scale = 100 / (last.labels - first.labels)
    return Gain(
        per_100=difference(last.accuracy, first.accuracy).scaled(scale), first=first, last=last, source=source
    )


def _comparable(queries: Sequence[Query]) -> list[Query]:
    """Return the queries with a control slice by the strategy of the last one, with the same share."""
    sliced = [query for query in queries if query.controls]
    if not sliced:
        return []
    wanted = _asked_by(sliced[-1])
    return [query for query in sliced if _asked_by(query) == wanted]


def _asked_by(query: Query) -> tuple[str, Any, float]:
    return query.strategy, query.options, query.asked.control


def _needed(control: float, gap: float, ratio: float) -> int:
    """Return how many control labels show a gap: upwards, where there is room for it."""
    picks = control + gap if control + gap <= 1 else control - gap
    return needed_to_settle(picks, control, ratio=ratio)


def _share_of(name: str, labels: Sequence[str]) -> Share | None:
    return share(labels.count(name), len(labels)) if labels else None
