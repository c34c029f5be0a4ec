"""Which of a library's many names is meant by one that it does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(guess: str, names: Iterable[str], *, cutoff: float = 0.9) -> str | None:
    """Return the name that a guess nearly is, or else the shortest that contains it, or None.

    People know long names by a part of them: `siglip` is in `vit_base_patch16_siglip_224`.

    Args:
        guess: what somebody wrote.
        names: what there is.
        cutoff: likeness from which a name is taken that does not contain the guess.
    """
    known = {_plain(one): one for one in names}
    wanted = _plain(guess)
    found = difflib.get_close_matches(wanted, known, n=1, cutoff=0.9)
    inside = [one for one in known if wanted and wanted in one]
    found += sorted(inside, key=lambda one: (not one.startswith(wanted), len(one)))
    found += difflib.get_close_matches(wanted, known, n=1, cutoff=cutoff)
    return known[found[0]] if found else None


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")
