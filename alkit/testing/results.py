"""What a check says: it passes in silence, fails with a sentence, or does not apply."""

from __future__ import annotations

from typing import NamedTuple


class Nonconforming(AssertionError):
    """A plugin does not do what it promises; the message says what."""


class NotApplicable(Exception):
    """A check says nothing about this plugin; the message says why."""


class Result(NamedTuple):
    """The outcome of one check: its name, whether it passed, and a sentence if there is something to say."""

    check: str
    ok: bool
    sentence: str


def require(condition: object, sentence: str) -> None:
    """Fail with a sentence unless a condition holds."""
    if not condition:
        raise Nonconforming(sentence)
