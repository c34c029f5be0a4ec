"""Where in somebody else's code an error arose: file and line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

LIBRARIES = sys.stdlib_module_names | {"alkit", "numpy", "torch", "torchvision", "PIL", "scipy", "sklearn"}


def place_of(error: BaseException, is_theirs: Callable[[str], bool] | None = None) -> str:
    """Return the last place outside alkit and the libraries, as `mine.py, line 12`, or an empty text.

    Args:
        error: with its traceback.
        is_theirs: says whether a module is theirs; by default, all are but alkit's and those of libraries.
    """
    theirs = is_theirs or (lambda module: module.partition(".")[0] not in LIBRARIES)
    places = [
        f"{Path(frame.f_code.co_filename).name}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if theirs(str(frame.f_globals.get("__name__"))) and not frame.f_code.co_filename.startswith("<")
    ]
    return places[-1] if places else ""


def told(error: BaseException) -> str:
    """Return an error of somebody else's code for a sentence: its kind, its first line, and its place."""
    place, says = place_of(error), next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}{f': {says}' if says else ''}{f' ({place})' if place else ''}"
