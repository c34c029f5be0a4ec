"""Which name is meant by one that does not exist: the nearest, whatever its case."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

CUTOFF = 0.6  # likeness from which a name is near; difflib's own default


def nearest(name: str, names: Iterable[str], *, cutoff: float = CUTOFF) -> str | None:
    """Return the name most like a given one, regardless of case and of `_` for `-`, or None."""
    known = {_plain(one): one for one in reversed(list(names))}
    close = difflib.get_close_matches(_plain(name), known, n=1, cutoff=cutoff)
    return known[close[0]] if close else None


def suggestion(name: str, names: Iterable[str], otherwise: str = "", *, cutoff: float = CUTOFF) -> str:
    """Return "did you mean 'NAME'?", or another hint if no name is near."""
    close = nearest(name, names, cutoff=cutoff)
    return f"did you mean '{close}'?" if close else otherwise


def alike(name: str, other: str) -> bool:
    """Say whether two names differ only in case and in `_` for `-`."""
    return _plain(name) == _plain(other)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")
