"""The fields of a combinator that hold nested strategies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alkit.interfaces.strategy import Strategy


def nested(default: str | tuple[str, ...], help: str) -> Any:
    """Declare a field for a nested strategy, `str`, or for any number of them, `tuple[str, ...]`.

    Args:
        default: the default strategy, written as on the command line.
        help: one short phrase.
    """
    return field(default=default, metadata={"help": help, "nested": True})


def places_of(cls: type) -> list[dataclasses.Field[Any]]:
    """List the fields of a combinator that hold strategies: first those for one, then those for several."""
    places = [field for field in dataclasses.fields(cls) if field.metadata.get("nested")]
    return sorted(places, key=takes_many)


def takes_many(place: dataclasses.Field[Any]) -> bool:
    """Say whether a field holds any number of strategies."""
    return isinstance(place.default, tuple)


def parts_of(strategy: Strategy) -> Mapping[str, Strategy]:
    """Return the nested strategies of a strategy by place; only combinators have any."""
    parts: Mapping[str, Strategy] = getattr(strategy, "parts", {}) if places_of(type(strategy)) else {}
    return parts
