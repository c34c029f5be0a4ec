"""Names of classes that look like labels of another kind: boxes, sets of classes, numbers or masks."""

from __future__ import annotations

from collections.abc import Collection

from .mask_files import SUFFIXES

MANY_SETS = 3  # names with a semicolon, below which it may be part of a name
MANY_NUMBERS = 20  # numbers with a fraction, below which they may be grades


def looks_like(names: Collection[str]) -> str:
    """Return the kind of labels that the names of classes look like: its word, or an empty text.

    Args:
        names: of all classes that labels have.
    """
    if any(name.startswith("[{") and name.endswith("}]") and '"x"' in name for name in names):
        return "boxes"
    if len(names) >= MANY_SETS and all(name.lower().endswith(SUFFIXES) for name in names):
        return "mask"
    parts = [name.split(";") for name in names if ";" in name]
    known = {name for name in names if ";" not in name}
    if len(parts) >= MANY_SETS and any(part.strip() in known for several in parts for part in several):
        return "classes"
    fractions = [name for name in names if "." in name]
    return "number" if len(fractions) >= MANY_NUMBERS and all(map(_is_number, names)) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
