"""Values of files that people or accidents may have changed, checked against the types declared for them."""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Any

from alkit.utils.counts import counted


def check_type(value: Any, hint: Any, where: str) -> None:
    """Check that a JSON or TOML value is of a declared type.

    Args:
        value: the value.
        hint: `Any`, `bool`, `int`, `float`, `str`, `None`, `Literal`, and unions, sequences and
            mappings of these.
        where: what it is the value of, for the message.

    Raises:
        ValueError: it is of another type; the message says where.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return
    if origin in (typing.Union, types.UnionType):
        if not any(_fits(value, option, where) for option in inner):
            raise ValueError(_wrong(where, hint, value))
    elif origin is typing.Literal:
        if value not in inner:
            raise ValueError(_wrong(where, hint, value))
    elif origin in (collections.abc.Sequence, list, tuple):
        if not isinstance(value, list):
            raise ValueError(_wrong(where, "a list", value))
        if origin is tuple and inner[-1] is not Ellipsis and len(value) != len(inner):
            raise ValueError(f"{where} should have {counted(len(inner), 'item')}, not {len(value)}")
        for item in value:
            check_type(item, inner[0], f"an item of {where}")
    elif origin in (collections.abc.Mapping, dict):
        if not isinstance(value, dict):
            raise ValueError(_wrong(where, "a table", value))
        for key, item in value.items():
            check_type(item, inner[1], f"{where}.{key}")
    elif not _is_plain(value, hint):
        raise ValueError(_wrong(where, hint, value))


def _fits(value: Any, hint: Any, where: str) -> bool:
    try:
        check_type(value, hint, where)
    except ValueError:
        return False
    return True


def _is_plain(value: Any, hint: Any) -> bool:
    if hint in (None, type(None)):
        return value is None
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _wrong(where: str, hint: Any, value: Any) -> str:
    name = hint if isinstance(hint, str) else getattr(hint, "__name__", str(hint).replace("typing.", ""))
    return f"{where} should be {name}, not {value!r:.60}"
