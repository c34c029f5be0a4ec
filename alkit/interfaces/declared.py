"""What a plugin's class says of itself: its attributes have the types that the interface declares."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

DECLARED = re.compile(r"ClassVar\[(\w+)(?:\[(\w+).*)?\]")
ACCEPTED: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "frozenset": (frozenset, set),
    "tuple": (tuple, list),
    "Mapping": (Mapping,),
    "type": (type,),
}
WORDS = {
    "str": "a text",
    "bool": "True or False",
    "frozenset": "a set of",
    "tuple": "a tuple of",
    "Mapping": "a dictionary",
    "type": "a subclass of",
}


def fault_of(cls: Any, base: type) -> str:
    """Return what is wrong with the attributes of a plugin's class, in a clause; empty if nothing is.

    Args:
        cls: the plugin's class.
        base: the base class that declares the attributes, with their types.
    """
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return f"{getattr(cls, '__name__', repr(cls))} is not a subclass of alkit.{base.__name__}"
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        return f"{cls.__name__} does not define {missing}"
    for name, value in (pair for one in cls.__mro__ for pair in vars(one).items()):
        if isinstance(value, dataclasses.Field):
            return f"{name} of {cls.__name__} is an option only with @dataclass(kw_only=True) above the class"
    if dataclasses.is_dataclass(base) and (needed := _needed(cls)):
        first = f"{needed[0]}: TYPE = alkit.option(DEFAULT, 'what it does')"
        return f"{cls.__name__} cannot be made without {', '.join(needed)}; make it an option, {first}"
    for name, annotation in _annotations(base).items():
        declared = DECLARED.fullmatch(annotation)
        if declared is None or declared[1] not in ACCEPTED:
            continue
        value = getattr(cls, name, None)
        if value is None and name not in vars(base):
            return f"{cls.__name__} has no {name}; {_example(cls, name)}"
        if not isinstance(value, (property, cached_property)) and not _fits(value, declared[1], declared[2]):
            return f"{name} of {cls.__name__} should be {_words(declared[1], declared[2])}, not {value!r:.60}"
    return ""


def _needed(cls: type) -> list[str]:
    """Return the names of arguments that have no default."""
    return [
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _annotations(base: type) -> dict[str, str]:
    declared: dict[str, str] = {}
    for cls in reversed(base.__mro__):
        declared |= {name: str(text) for name, text in inspect.get_annotations(cls).items()}
    return declared


def _fits(value: Any, outer: str, inner: str | None) -> bool:
    accepted: Any = ACCEPTED[outer]
    if not isinstance(value, accepted):
        return False
    if outer == "type":
        return inner is None or _is_one(value, inner)
    if outer in ("frozenset", "tuple") and inner is not None:
        return all(_is_one(type(part), inner) for part in value)
    return True


def _is_one(cls: type, name: str) -> bool:
    return any(known.__name__ == name for known in cls.__mro__)


def _words(outer: str, inner: str | None) -> str:
    if outer == "type":
        return f"{WORDS[outer]} {inner}"
    parts = "texts" if inner == "str" else f"{inner} records"
    return f"{WORDS[outer]} {parts}" if outer in ("frozenset", "tuple") else WORDS[outer]


def _example(cls: type, name: str) -> str:
    if name == "extensions":
        return 'write extensions = (".txt",) in the class'
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower().replace("_", "-")
    return f'write {name} = "{words}" in the class'
