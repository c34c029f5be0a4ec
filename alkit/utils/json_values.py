"""Values as JSON can hold them."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping
from typing import Any


def finite(value: Any) -> Any:
    """Return JSON values; numbers that JSON does not have become None."""
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
    """Return JSON that can be written in UTF-8 whatever it holds: names of files may be no text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()  # of a surrogate, that is its escape in JSON
