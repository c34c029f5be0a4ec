"""From the text that names a strategy to the strategy, and from a strategy to where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import plugins
from .options import build

if TYPE_CHECKING:
    from .plugins import Plugin
    from .strategy import Strategy


def make_strategy(text: str, options: Mapping[str, Any] | None = None) -> Strategy:
    """Make the strategy that a text names.

    Args:
        text: a name, as `alkit strategies` lists it.
        options: of the strategy.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such strategy, or it does not work.
        InvalidOption: an option does not fit it.
    """
    return build(plugins.strategies.get(text), options)


def plugin_of(strategy: Strategy) -> Plugin | None:
    """Return the plugin that a strategy comes from, or None for a class that no plugin offered."""
    return plugins.strategies.owner(type(strategy))
