"""The checks of an oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from alkit.interfaces.oracle import Answer, AnswerKind, Oracle

from .results import Result, outcome, require, title


def answers_what_was_asked(oracle: Oracle, indices: Sequence[int]) -> None:
    """It answers only for the requested images; an empty request gets no answers."""
    answers = oracle.label(indices)
    strangers = sorted(set(answers) - set(indices))
    require(not strangers, f"image {strangers[0] if strangers else ''} was answered but not requested")
    require(not oracle.label([]), "an empty request got answers")
    require(answers, "it answers for none of the images; run the check on images that it knows")


def answers_are_answers(oracle: Oracle, indices: Sequence[int]) -> None:
    """Every answer is an `Answer` of a known kind, and has a value if and only if it is a label."""
    for index, answer in oracle.label(indices).items():
        require(isinstance(answer, Answer), f"image {index}: {answer!r} is not an Answer")
        require(
            answer.kind in get_args(AnswerKind),
            f"image {index}: there is no kind of answer called '{answer.kind}'",
        )
        labeled = answer.kind == "label"
        require(
            (answer.value is not None) == labeled, f"image {index}: {answer.kind} with value {answer.value!r}"
        )


def answers_stay(oracle: Oracle, indices: Sequence[int]) -> None:
    """Asked again, in another order or one by one, it gives the same answers."""
    first = dict(oracle.label(indices))
    again = dict(oracle.label(list(indices)[::-1]))
    singly: dict[int, Answer] = {}
    for index in indices:
        singly |= oracle.label([index])
    for index in indices:
        one, other, alone = (answers.get(index) for answers in (first, again, singly))
        require(
            _said(one) == _said(other) == _said(alone), f"image {index}: {one}, then {other}, alone {alone}"
        )


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
