"""Where in somebody else's code an error arose, or what is at fault begins: file and line."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBRARIES = sys.stdlib_module_names | {"alkit", "numpy", "torch", "torchvision", "PIL", "scipy", "sklearn"}


def place_of(error: BaseException, is_theirs: Callable[[str], bool] | None = None) -> str:
    """Return the last place outside alkit and the libraries, as `mine.py, line 12`, or an empty text.

    Args:
        error: with its traceback.
        is_theirs: says whether a module is theirs; by default, all are but alkit's and those of libraries.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _written(error.filename, error.lineno)
    theirs = is_theirs or _is_theirs
    places = [
        _written(frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if theirs(str(frame.f_globals.get("__name__"))) and not frame.f_code.co_filename.startswith("<")
    ]
    return places[-1] if places else ""


def told(error: BaseException, otherwise: str = "") -> str:
    """Return an error of somebody else's code for a sentence: its kind, its first line, and its place.

    Args:
        error: with its traceback.
        otherwise: what stands in the place's place if the error arose in alkit, as `where` returns it.
    """
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    place, says = place_of(error), next(iter(text.strip().splitlines()), "")
    return f"{type(error).__name__}{f': {says}' if says else ''}{f' ({place})' if place else otherwise}"


def where(plugin: Any, *methods: str) -> str:
    """Return where the first of some methods that is not alkit's own begins, as ` (mine.py, line 12)`.

    Args:
        plugin: its class or an instance.
        methods: names; without any, or if none is found, the class itself is looked for.

    Returns:
        An empty text if the source is not known.
    """
    cls = plugin if isinstance(plugin, type) else type(plugin)
    for method in methods:
        found = inspect.unwrap(getattr(cls, method, None) or cls)
        if inspect.isfunction(found) and _is_theirs(found.__module__):
            return f" ({_written(found.__code__.co_filename, found.__code__.co_firstlineno)})"
    for one in cls.__mro__:
        if _is_theirs(one.__module__):
            try:
                return f" ({_written(inspect.getfile(one), inspect.getsourcelines(one)[1])})"
            except (OSError, TypeError):  # made while the program runs, as a class under another name
                continue
    return ""


def where_in(module: Any, function: str) -> str:
    """Return where a function of a module begins, as `where` does; the file alone if it is not there."""
    found = inspect.unwrap(getattr(module, function, None) or module)
    if inspect.isfunction(found):
        return f" ({_written(found.__code__.co_filename, found.__code__.co_firstlineno)})"
    file = getattr(module, "__file__", None)
    return f" ({Path(file).name})" if file else ""


def _is_theirs(module: str) -> bool:
    return module.partition(".")[0] not in LIBRARIES


def _written(file: str, line: int) -> str:
    return f"{Path(file).name}, line {line}"
