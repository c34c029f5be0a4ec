"""The fields of a combinator that hold other strategies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alkit.interfaces.strategy import Strategy


def nested(default: str | tuple[str, ...], help: str) -> Any:
    """Declare a field for a strategy inside, `str`, or for any number of them, `tuple[str, ...]`.

    Args:
        default: what stands there when nothing is said, as on the command line.
        help: one short phrase.
    """
    return field(default=default, metadata={"help": help, "nested": True})


def places_of(cls: type) -> list[dataclasses.Field[Any]]:
    """List the fields of a combinator that hold strategies: those for one, then those for any number."""
    places = [field for field in dataclasses.fields(cls) if field.metadata.get("nested")]
    return sorted(places, key=takes_many)


def takes_many(place: dataclasses.Field[Any]) -> bool:
    """Say whether a field holds any number of strategies."""
    return isinstance(place.default, tuple)


def parts_of(strategy: Strategy) -> Mapping[str, Strategy]:
    """Return the strategies inside another by place; a strategy that is no combinator has none."""
    parts: Mapping[str, Strategy] = getattr(strategy, "parts", {}) if places_of(type(strategy)) else {}
    return parts
