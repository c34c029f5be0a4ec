"""Advice on what to do next with a campaign: sentences that give an interval or say what is unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alkit.reporting.wording import metric_name
from alkit.utils.counts import counted
from alkit.utils.json_values import AsDict
from alkit.utils.proportions import needed_for_width

from .evidence import ACCURACY

if TYPE_CHECKING:
    from .evidence import CampaignEvidence, MetricPoint


RECENT = 3  # trainings that count as recent
WORTH = 0.005  # accuracy that 100 labels should bring
WIDTH = 0.1  # how precisely an accuracy on control images should be known, on either side
Action = Literal["go on", "switch strategy", "stop"]


@dataclass(frozen=True, slots=True)
class Suggestion(AsDict):
    """What to do next, and the reasons, one sentence each."""

    action: Action
    reasons: tuple[str, ...]


def suggestion(
    evidence: CampaignEvidence,
    *,
    target: float | None = None,
    worth: float = WORTH,
    stopped: Sequence[str] = (),
) -> Suggestion:
    """Say whether to go on, to switch strategy or to stop, with the reasons as sentences.

    It suggests a change only if an interval supports it: stop, if the lower end of the accuracy reaches the
    target or the upper end of the gain stays below `worth`; switch, if the model is measurably better on the
    strategy's picks than on random ones. Otherwise it suggests going on.

    Args:
        evidence: see `alkit.campaign.analysis.evidence.gather`.
        target: sufficient accuracy, or None.
        worth: accuracy that 100 labels should bring.
        stopped: reasons of stopping rules that are met, see `alkit.campaign.analysis.stopping`.
    """
    enough = [*stopped, *_reached(evidence, target), *_flat(evidence, worth)]
    if enough:
        return Suggestion("stop", tuple(enough))
    easier = evidence.comparison is not None and evidence.comparison.harder.high < 0
    return Suggestion("switch strategy" if easier else "go on", findings(evidence, worth))


def findings(evidence: CampaignEvidence, worth: float = WORTH) -> tuple[str, str, str]:
    """Say how good the model is, what labels bring and whether the picks are harder, in one sentence each.

    Args:
        evidence: see `alkit.campaign.analysis.evidence.gather`.
        worth: accuracy that 100 labels should bring.
    """
    return _accuracy_words(evidence), _gain_words(evidence, worth), _comparison_words(evidence)


def _reached(evidence: CampaignEvidence, target: float | None) -> list[str]:
    if target is None:
        return []
    if evidence.curve:
        newest, where = evidence.curve[-1].accuracy, "on the test set"
    elif evidence.accuracy and evidence.accuracy[-1].accuracy is not None:
        newest, where = evidence.accuracy[-1].accuracy, "on random images of the remaining pool"
    else:
        return []
    if newest.low < target:
        return []
    return [f"The accuracy {where} is {newest}; even the lower end reaches the target of {target:g}."]


def _flat(evidence: CampaignEvidence, worth: float) -> list[str]:
    if evidence.gain is None or evidence.gain.per_100.high >= worth:
        return []
    return [
        f"The last {counted(evidence.gain.last.labels - evidence.gain.first.labels, 'label')} brought "
        f"{evidence.gain.per_100} in accuracy per 100; even the upper end is below {worth:g}."
    ]


def _accuracy_words(evidence: CampaignEvidence) -> str:
    if evidence.curve:
        return f"The accuracy on the test set is {evidence.curve[-1].accuracy}."
    if evidence.values:
        newest = evidence.values[-1]
        return f"The {_name(newest)} on the test set is {newest.value:.4f}; no interval is known for it."
    if evidence.metric != ACCURACY:
        return (
            f"The {metric_name(evidence.metric)} is unknown, because there is no test set; add one with "
            "'alkit update --test IMAGES'."
        )
    return f"{_control_words(evidence)}{_guess_words(evidence)}"


def _guess_words(evidence: CampaignEvidence) -> str:
    seen = evidence.accuracy[-1].guess_seen if evidence.accuracy else 0
    if not seen:
        return ""
    return (
        f" Labels of {seen:,} control images do not count, because their annotators saw the model's "
        "guess; the remaining images may be the easier ones."
    )


def _name(point: MetricPoint) -> str:
    return metric_name(point.metric)


def _control_words(evidence: CampaignEvidence) -> str:
    if evidence.accuracy and evidence.accuracy[-1].accuracy is not None:
        newest = evidence.accuracy[-1].accuracy
        words = f"The accuracy on random images of the remaining pool is {newest}"
        if max(newest.high - newest.value, newest.value - newest.low) <= WIDTH:
            return f"{words}."
        wanted = needed_for_width(WIDTH)
        return (
            f"{words}; {counted(wanted, 'control label')} in one query would measure it to within {WIDTH:g}."
        )
    return (
        "The model's accuracy is unknown: there is no test set and no answered control slice; "
        "ask with 'alkit query --control 0.1'."
    )


def _gain_words(evidence: CampaignEvidence, worth: float) -> str:
    if evidence.gain is None and len(evidence.values) > 1:
        first, last = evidence.values[-min(RECENT + 1, len(evidence.values))], evidence.values[-1]
        return (
            f"The last {counted(last.labels - first.labels, 'label')} changed the {_name(last)} by "
            f"{last.value - first.value:+.4f}, from {first.value:.4f}; part of that may be chance."
        )
    if evidence.gain is None:
        return (
            "The gain from new labels is unknown until two models have been evaluated: when more images are "
            "labeled, run 'alkit train'."
        )
    found = evidence.gain
    words = f"The last labels brought {found.per_100} in accuracy per 100"
    if found.per_100.low > 0:
        return f"{words}: they still help."
    over = (found.per_100.high - found.per_100.low) / 2 * (found.last.labels - found.first.labels) / worth
    return (
        f"{words}: it is too early to say whether they still help. Detecting a gain of {worth:g} per "
        f"100 takes about {counted(math.ceil(over), 'label')}."
    )


def _comparison_words(evidence: CampaignEvidence) -> str:
    found = evidence.comparison
    if found is None and evidence.metric != ACCURACY:
        return "It is unknown whether the picks are harder than random images: this task has no control."
    if found is None:
        return "It is unknown whether the picks are harder than random images: no query has answers to both."
    words = (
        f"The model is wrong on {found.picks.value:.1%} of the picks of '{found.strategy}' and on "
        f"{found.control.value:.1%} of the random images: a difference of {found.harder}"
    )
    if found.harder.high < 0:
        return f"{words}; the strategy chooses images that the model knows better than most of the pool."
    if found.harder.settled:
        return f"{words}; the strategy finds images that the model does not know yet."
    assert found.needed is not None
    return (
        f"{words}, which may be chance; detecting a difference of {found.planned:.3f} takes about "
        f"{counted(found.needed, 'control label')}, and there are {found.control.of:,}."
    )
