"""The order of class names that a pool brings: numbers as numbers, before words."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 9  # digits of a number


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels, numbers first."""
    return tuple(sorted(set(labels), key=_key))


def _key(text: str) -> tuple[int, str]:
    return (int(text), text) if text.isdecimal() and len(text) <= LONGEST else (10**LONGEST, text)
