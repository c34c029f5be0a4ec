"""Whether the folders of a pool are its classes, and what stands in the way if they almost are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MOST_STRAYS = 0.1
"""Share of the images that may lie elsewhere while the rest still looks like class folders."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How images lie in folders.

    Attributes:
        classes: the folders, sorted, if every image lies exactly one folder deep, in two folders or more.
        strays: the images outside of folders that would otherwise be classes.
        notes: sentences for a person about that.
    """

    classes: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_layout(keys: Sequence[str]) -> Layout:
    """Read the layout off the paths of all images.

    Args:
        keys: paths relative to the pool, with `/`.
    """
    depths = Counter(key.count("/") for key in keys)
    folders = Counter(key.split("/")[0] for key in keys if key.count("/") == 1)
    if len(depths) == 1 and len(folders) >= 2:
        return Layout(tuple(sorted(folders)))
    strays = tuple(key for key in keys if key.count("/") != 1)
    if len(folders) >= 2 and 0 < len(strays) <= max(1, MOST_STRAYS * len(keys)):
        if len(strays) == 1:
            where, what = f"{strays[0]!r} does not lie directly in one of them", "it"
        else:
            where = f"{len(strays):,} images do not lie directly in one of them, such as {strays[0]!r}"
            what = "them"
        note = (
            f"warning: the {len(folders):,} folders are not taken as classes, because {where}; move {what} "
            "away"
        )
        return Layout(strays=strays, notes=(note,))
    parts = sorted({key.split("/")[0] for key in keys})
    if set(depths) == {2} and len({key.split("/")[1] for key in keys}) >= 2 and len(parts) <= 5:
        note = (
            f"the folders are not taken as classes, because every image lies two folders deep; if "
            f"{' and '.join(map(repr, parts))} are parts of a data set, give one of them as --pool "
            "and another as --test"
        )
        return Layout(notes=(note,))
    return Layout()
