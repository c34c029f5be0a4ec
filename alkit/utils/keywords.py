"""Keywords of a call that become a record: a wrong one is named with the call that the user made."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def record_of(cls: type[T], caller: str, *values: Any, details: Mapping[str, Any]) -> T:
    """Make a record from the keywords of a call.

    Args:
        cls: a dataclass.
        caller: name of the function that was called.
        values: of the first fields.
        details: the other fields, by name.

    Raises:
        TypeError: there is no such field; suggests the nearest one.
    """
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in details:
        if name not in names[len(values) :]:
            close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            near = " or ".join(f"'{word}'" for word in close)
            hint = f"did you mean {near}?" if close else f"there are {', '.join(names[len(values) :])}"
            raise TypeError(f"{caller}() has no argument '{name}'; {hint}")
    return cls(*values, **details)
