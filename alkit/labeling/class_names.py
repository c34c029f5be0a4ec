"""Names of classes that look like slips: twins by case, white space or one letter."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

SHORTEST = 4  # letters of a name in which one other letter is more likely a slip than another word
MANY = 5  # times as many labels has a class that is meant as its misspelling


def same_but_for_case(name: str, classes: Iterable[str]) -> str | None:
    """Return a class that differs from a name only by case, white space, hyphens or underscores."""
    return next((known for known in classes if known != name and _plain(known) == _plain(name)), None)


def twins(
    names: Iterable[str], classes: Sequence[str] = (), counts: Mapping[str, int] = MappingProxyType({})
) -> list[str]:
    """Return a sentence for each new name that may be another one written differently.

    Two names that differ by a letter may both be right (shirt and skirt). They are named only if one has few
    labels and the other one has many.

    Args:
        names: new names.
        classes: those that are classes already.
        counts: labels by name.
    """
    fresh = list(dict.fromkeys(names))
    pairs = [*itertools.product(fresh, classes), *itertools.combinations(fresh, 2)]
    said = []
    for name, other in pairs:
        if name == other:
            continue
        if _plain(name) == _plain(other):
            said.append(f"the classes '{name}' and '{other}' differ only by case or white space")
        elif _one_letter_apart(_plain(name), _plain(other)):
            few, many = sorted((name, other), key=lambda one: counts.get(one, 0))
            if 0 < counts.get(few, 0) * MANY <= counts.get(many, 0):
                said.append(
                    f"the classes '{many}' ({counts[many]:,} labels) and '{few}' ({counts[few]:,}) differ by "
                    "one letter"
                )
    return said


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    if re.fullmatch(r"\s*-?[\d.]+\s*", text):  # the hyphen is a sign
        return text.strip()
    return "".join(text.replace("_", " ").replace("-", " ").split())


def _one_letter_apart(first: str, second: str) -> bool:
    """Say whether a letter (no digit) was left out, added or replaced."""
    short, long = sorted((first, second), key=len)
    if len(long) - len(short) > 1 or len(short) < SHORTEST:
        return False
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest = start if len(short) < len(long) else start + 1
    if short[rest:] != long[start + 1 :]:
        return False
    return not (long[start : start + 1] + short[start:rest]).isdigit()
