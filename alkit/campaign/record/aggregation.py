"""How the answers of several annotators to one image become its current answer."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from alkit.errors import InvalidOption
from alkit.interfaces.labels import ClassSet

if TYPE_CHECKING:
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer


AggregationRule = Literal["last", "majority", "weighted"]
RULES: tuple[AggregationRule, ...] = ("last", "majority", "weighted")
RULES_OF: Mapping[str, tuple[AggregationRule, ...]] = {
    "class": RULES,
    "classes": RULES,
    "number": ("last", "majority"),
}
"""The rules for a kind of labels; for other kinds, the last answer counts."""
Votes = Mapping[str, "Answer"]


def check_rule(name: str, kind: str | None = None) -> AggregationRule:
    """Return a rule by its name.

    Args:
        name: of the rule.
        kind: of the labels that it is for, if that is known.

    Raises:
        InvalidOption: there is no rule of that name, or it is not for such labels.
    """
    for rule in RULES:
        if rule == name:
            _check_kind(rule, kind)
            return rule
    raise InvalidOption(f"there is no aggregation '{name}'; there are {', '.join(RULES)}")


def _check_kind(rule: AggregationRule, kind: str | None) -> None:
    rules = RULES if kind is None else RULES_OF.get(kind, ("last",))
    if rule in rules:
        return
    if kind == "number":
        why = "it compares how often annotators give the same answer, which numbers seldom are"
    else:
        why = "no two annotators draw the same; 'alkit query --strategy disputed' asks about them again"
    raise InvalidOption(
        f"the aggregation '{rule}' does not work for labels of the kind '{kind}': {why}; choose from "
        f"{', '.join(rules)}"
    )


def votes_of(answers: Sequence[Answer]) -> dict[str, Answer]:
    """Return each annotator's latest answer to an image, the latest of all last."""
    votes: dict[str, Answer] = {}
    for answer in answers:
        votes.pop(answer.annotator, None)
        votes[answer.annotator] = answer
    return votes


def aggregate_votes(votes: Mapping[int, Votes], rule: AggregationRule) -> dict[int, Answer]:
    """Return the current answer of every image.

    `last` is what was said last, whoever said it. `majority` is what most annotators say, an annotator's
    latest answer counting once; among equals, what was said last. Of sets of classes, it is the one that is
    most like all of them, by the F1 of two sets; of numbers, the one nearest to their median. `weighted` is
    the same with votes that weigh as much as their annotator usually agrees with the others: see
    `weights_of`. By all of them, an abstention counts only if nobody says anything else, and `unusable`
    counts like a label.

    Args:
        votes: by image, each annotator's latest answer, the latest of all last.
        rule: see above.
    """
    if rule == "last":
        return {index: list((_spoken(by) or by).values())[-1] for index, by in votes.items()}
    weigh = _weigher(weights_of(votes) if rule == "weighted" else {})
    return {index: _winner(by, weigh) for index, by in votes.items()}


def weights_of(votes: Mapping[int, Votes]) -> dict[str, float]:
    """Return how often each annotator agrees with what the others say together, in (0, 1).

    (agreements + 1) / (images in common + 2), so an annotator of whom nothing is known weighs one half; two
    sets of classes agree by their F1. First all others count the same, then, once more, as much as that has
    shown of them: one step of the weighted majority voting of Li and Yu, Error rate bounds and iterative
    weighted majority voting for crowdsourcing, 2014. An annotator is judged by the others alone, never by a
    majority that they are part of. It is simpler than Dawid and Skene (Journal of the Royal Statistical
    Society C, 1979), who estimate how each takes each class for each other, for which most campaigns have too
    few answers.
    """
    shared = [by for by in map(_spoken, votes.values()) if len(by) > 1]
    names = {name for by in votes.values() for name in by}
    weights: dict[str, float] = {}
    for _ in range(2):
        weigh = _weigher(dict(weights))
        agreed: dict[str, float] = defaultdict(float)
        compared: dict[str, int] = defaultdict(int)
        for by in shared:
            for name, answer in by.items():
                others = {other: vote for other, vote in by.items() if other != name}
                agreeing = _heaviest(others, weigh)
                if len(agreeing) == 1:  # others who cancel out say nothing
                    compared[name] += 1
                    agreed[name] += _likeness(next(iter(agreeing.values())), answer)
        weights = {name: (agreed[name] + 1) / (compared[name] + 2) for name in names}
    return weights


def dispute(votes: Votes, labels: Labels | None = None) -> tuple[int, ...]:
    """Return how many annotators say each of several different things, the most first; empty if all agree.

    Args:
        votes: each annotator's latest answer.
        labels: says which values agree, though they differ; only equal ones by default. An answer belongs to
            the first of the groups before it that it agrees with.
    """
    groups: list[list[Answer]] = []
    for answer in _spoken(votes).values():
        same = next((group for group in groups if _agree(group[0], answer, labels)), None)
        if same is None:
            groups.append([answer])
        else:
            same.append(answer)
    return tuple(sorted(map(len, groups), reverse=True)) if len(groups) > 1 else ()


def _agree(first: Answer, second: Answer, labels: Labels | None) -> bool:
    if _said(first) == _said(second):
        return True
    if labels is None or first.kind != "label" or second.kind != "label":
        return False
    return labels.agreement(first.value, second.value) >= labels.agrees_from


def _weigher(weights: Mapping[str, float]) -> Callable[[str], float]:
    """Return what an annotator's vote weighs: one where nothing is said."""
    return lambda name: weights.get(name, 1.0)


def _winner(votes: Votes, weight: Callable[[str], float]) -> Answer:
    """Return the latest answer among those that say what weighs most; among equals, what was said last."""
    spoken = _spoken(votes) or votes
    if len(spoken) == 1:
        return next(iter(spoken.values()))
    numbers = {name: a for name, a in spoken.items() if a.kind == "label" and _numbers(a.value)}
    if 2 * sum(map(weight, numbers)) > sum(map(weight, spoken)):
        return _nearest_to_median(list(numbers.values()), [weight(name) for name in numbers])
    tied = _heaviest(spoken, weight)
    return next(answer for answer in reversed(list(spoken.values())) if _said(answer) in tied)


def _heaviest(votes: Votes, weight: Callable[[str], float]) -> dict[Hashable, Answer]:
    """Return the answer that weighs most, with what is like it; several if they weigh the same."""
    different = {_said(answer): answer for answer in votes.values()}
    totals = {
        said: sum(weight(name) * _likeness(answer, other) for name, other in votes.items())
        for said, answer in different.items()
    }
    best = max(totals.values())
    # Sums of weights in another order differ by rounding.
    return {said: different[said] for said, total in totals.items() if total >= best - 1e-9}


def _likeness(first: Answer, second: Answer) -> float:
    """Return how much two answers say the same, in [0, 1]: the F1 of sets of classes, else all or nothing."""
    if _said(first) == _said(second):
        return 1.0
    if first.kind == second.kind == "label" and _is_set(first.value) and _is_set(second.value):
        return ClassSet().agreement(first.value, second.value)
    return 0.0


def _is_set(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _numbers(value: Any) -> list[float]:
    """Return the numbers in a value; none if it is something else."""
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(number, float) for number in values) else []


def _nearest_to_median(answers: Sequence[Answer], weights: Sequence[float]) -> Answer:
    """Return the answer whose numbers are nearest to the weighted medians; of equals, the latest."""
    rows = [_numbers(answer.value) for answer in answers]
    middle = [_median(column, weights) for column in zip(*rows, strict=True)]
    gaps = [sum(abs(number - at) for number, at in zip(row, middle, strict=True)) for row in rows]
    least = min(gaps)
    return next(answer for answer, gap in reversed(list(zip(answers, gaps, strict=True))) if gap <= least)


def _median(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted median: between two values if just half of the weight is below."""
    ordered = sorted(zip(values, weights, strict=True))
    sums = list(itertools.accumulate(weight for _, weight in ordered))
    half = sums[-1] / 2
    place = bisect.bisect_left(sums, half - 1e-9)
    value = ordered[place][0]
    if abs(sums[place] - half) <= 1e-9 and place + 1 < len(ordered):
        return (value + ordered[place + 1][0]) / 2
    return value


def _spoken(votes: Votes) -> dict[str, Answer]:
    return {name: answer for name, answer in votes.items() if answer.kind != "abstain"}


def _said(answer: Answer) -> Hashable:
    """Return what an answer says, so that answers that say the same are equal; values are JSON."""
    return answer.kind, repr(answer.value)
