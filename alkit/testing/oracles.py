"""The checks of an oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alkit.errors import BrokenPlugin
from alkit.interfaces.oracle import Answer, Oracle
from alkit.plugin.oracles import answers_of

from .results import Nonconforming, Result, outcome, require, title


def answers_what_was_asked(oracle: Oracle, indices: Sequence[int]) -> None:
    """It answers only for the requested images; an empty request gets no answers."""
    answers = _answers(oracle, indices)
    strangers = sorted(set(answers) - set(indices))
    require(not strangers, f"image {strangers[0] if strangers else ''} was answered but not requested")
    require(not _answers(oracle, []), "an empty request got answers")
    require(answers, "it answers for none of the images; run the check on images that it knows")


def answers_are_answers(oracle: Oracle, indices: Sequence[int]) -> None:
    """Every answer is an `Answer` of a known kind, and has a value if and only if it is a label."""
    _answers(oracle, indices)


def answers_stay(oracle: Oracle, indices: Sequence[int]) -> None:
    """Asked again, in another order or one by one, it gives the same answers."""
    first = _answers(oracle, indices)
    again = _answers(oracle, list(indices)[::-1])
    singly: dict[int, Answer] = {}
    for index in indices:
        singly |= _answers(oracle, [index])
    for index in indices:
        one, other, alone = (answers.get(index) for answers in (first, again, singly))
        require(
            _said(one) == _said(other) == _said(alone), f"image {index}: {one}, then {other}, alone {alone}"
        )


def _answers(oracle: Oracle, indices: Sequence[int]) -> Mapping[int, Answer]:
    try:
        return answers_of(oracle, indices)
    except BrokenPlugin as error:
        raise Nonconforming(str(error)) from error


def _said(answer: Answer | None) -> tuple[object, ...] | None:
    """Return an answer without its time."""
    return None if answer is None else (answer.kind, answer.value, answer.annotator, answer.cost)


CHECKS: tuple[Callable[[Oracle, Sequence[int]], None], ...] = (
    answers_what_was_asked,
    answers_are_answers,
    answers_stay,
)


def check_oracle(oracle: Oracle, indices: Sequence[int]) -> list[Result]:
    """Run every check.

    Args:
        oracle: connected to its pool.
        indices: images that it is asked for; some of them it should know.

    Returns:
        One result per check.
    """
    return [outcome(title(check), check, oracle, list(indices)) for check in CHECKS]
