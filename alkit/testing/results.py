"""Results of checks: a check passes silently, fails with a sentence, or does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from alkit.errors import AlkitError
from alkit.utils.code_places import place_of


class Nonconforming(AssertionError):
    """A plugin breaks a promise; the message says which."""


class NotApplicable(Exception):
    """A check does not apply to this plugin; the message says why."""


class Result(NamedTuple):
    """The outcome of one check.

    Attributes:
        check: its name.
        ok: it passed, or does not apply.
        sentence: what happened, or why it does not apply; may be empty.
        place: file and line of the plugin where its own code raised an error, or empty.
        error: what was raised, or None.
    """

    check: str
    ok: bool
    sentence: str
    place: str = ""
    error: BaseException | None = None


def require(condition: object, sentence: str) -> None:
    """Fail with a sentence unless a condition holds."""
    if not condition:
        raise Nonconforming(sentence)


def title(check: Callable[..., None]) -> str:
    """Return the name of a check, as shown."""
    return check.__name__.replace("_", "-")


def outcome(shown: str, check: Callable[..., None], *arguments: Any) -> Result:
    """Run one check; any error in the plugin's code is a failure."""
    try:
        check(*arguments)
    except NotApplicable as reason:
        return Result(shown, True, f"not checked: {reason}")
    except (Nonconforming, AlkitError) as error:
        return Result(shown, False, str(error), _place(error), error)
    except (Exception, SystemExit) as error:
        return Result(shown, False, f"{type(error).__name__}: {error}", _place(error), error)
    return Result(shown, True, "")


def _place(error: BaseException) -> str:
    """Return where the original error arose: the last place outside alkit and the libraries."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, (Nonconforming, AlkitError)):
        return ""
    return place_of(error)
