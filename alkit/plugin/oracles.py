"""Oracles as they are asked: what they return is checked, and their errors name them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from alkit.errors import BrokenPlugin
from alkit.interfaces.oracle import Answer, AnswerKind, Oracle
from alkit.utils.code_places import where

from .faults import blamed, returned, shown

if TYPE_CHECKING:
    from alkit.data.source import Source

KINDS = get_args(AnswerKind)


def connect(oracle: Oracle, source: Source, keys: Sequence[str], seed: int) -> None:
    """Connect an oracle to a pool.

    Raises:
        BrokenPlugin: it failed.
    """
    with blamed(oracle, f"to be connected to '{source.location}'"):
        oracle.connect(source, keys, seed)


def answers_of(oracle: Oracle, indices: Sequence[int]) -> Mapping[int, Answer]:
    """Ask an oracle about images, by index.

    Raises:
        BrokenPlugin: it failed, or returned something else than an `Answer` for each image that it knows.
    """
    with blamed(oracle, "to answer"):
        answers: Any = oracle.label(indices)
    if not isinstance(answers, Mapping):
        raise returned(oracle, "label", answers, "a dictionary of alkit.Answer by index")
    for index, answer in answers.items():
        if reason := _wrong(answer):
            raise BrokenPlugin(
                f"{shown(oracle)} should answer with an alkit.Answer: image {index}: {reason}"
                f"{where(oracle, 'label')}"
            )
    return answers


def _wrong(answer: Any) -> str:
    if not isinstance(answer, Answer):
        return f"{answer!r:.60} is not an Answer"
    if answer.kind not in KINDS:
        return f"there is no kind of answer called '{answer.kind}', only {', '.join(KINDS)}"
    if (answer.value is None) == (answer.kind == "label"):
        return f"{answer.kind} with value {answer.value!r:.60}"
    if answer.cost is not None and not math.isfinite(answer.cost):
        return f"its cost is {answer.cost}, not a finite number"
    return ""
