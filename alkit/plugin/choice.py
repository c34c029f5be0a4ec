"""A plugin as it is chosen and recorded: its name, its options and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from alkit.options import build, values_of
from alkit.utils.json_values import plain

from .registry import Registry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginChoice:
    """A plugin by name, its options, and where it came from."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    distribution: str = ""
    version: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as TOML values; options left at None are omitted."""
        options = {key: plain(value) for key, value in self.options.items() if value is not None}
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "options": options,
        }

    def made(self, registry: Registry[T]) -> T:
        """Make the plugin with its options."""
        return build(registry.get(self.name), self.options)


def choice_of(registry: Registry[Any], name: str, options: Mapping[str, Any]) -> PluginChoice:
    """Check a plugin and its options, and return what is recorded of it."""
    plugin = registry.find(name)
    built = build(registry.get(name), options)
    return PluginChoice(name, settled_options(built, options), plugin.distribution, plugin.version)


def settled_options(built: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the options that were given; of all options if a preset was."""
    names = {key.replace("_", "-") for key in given}
    values = values_of(built)
    return {key: value for key, value in values.items() if key in names or "preset" in names}
