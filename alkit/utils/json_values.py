"""Values and records as JSON can hold them."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
from collections.abc import Mapping
from typing import Any, ClassVar


class AsDict:
    """A dataclass that can be written as JSON.

    Attributes:
        json_keys: the keys; by default all fields. `key=attribute` where they differ.
    """

    __slots__ = ()

    json_keys: ClassVar[tuple[str, ...]] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        keys = self.json_keys or [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        pairs = (key.partition("=") for key in keys)
        return {key: plain(getattr(self, attribute or key)) for key, _, attribute in pairs}


def plain(value: Any) -> Any:
    """Return records as mappings and tuples as lists, however deep they are."""
    if isinstance(value, AsDict):
        return value.as_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def finite(value: Any) -> Any:
    """Return JSON values; numbers that JSON cannot hold become None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return value


def as_json(value: Any, indent: int | None = None) -> str:
    """Return JSON that can be written in UTF-8 whatever it holds: file names may not be valid text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()  # of a surrogate, that is its escape in JSON
