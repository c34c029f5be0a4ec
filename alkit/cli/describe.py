"""What can be said of plugins: of all without importing them, of one in full."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from alkit.composition.combinator import Combinator
from alkit.interfaces.strategy import Strategy
from alkit.options import options_of
from alkit.plugin.registry import Plugin, Registry

from .output import print_rows


def listing(registry: Registry[Any]) -> list[dict[str, str]]:
    """Describe each plugin by its metadata and the first line of its module; nothing is imported."""
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "summary": _first_line(plugin.module.partition(":")[0]),
        }
        for plugin in registry
    ]


def describe(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Import one plugin and describe it."""
    return _described(registry.kind, registry.find(name), registry.get(name))


def describe_strategy(text: str) -> dict[str, Any]:
    """Describe a strategy by its text; of a composition, with the options in force in place of defaults."""
    from alkit.composition.expression import is_composed
    from alkit.composition.factory import class_of, find, make_strategy, options_in_force, origins, plugin_of

    if not is_composed(text):
        return _described("strategy", find(text), class_of(text))
    strategy = make_strategy(text)
    plugin = plugin_of(strategy)
    assert plugin is not None
    options = _options_inside(strategy, options_in_force(strategy))
    told = {
        "name": strategy.name,
        "needs": sorted(strategy.needs),
        "combines": False,
        "options": options,
        "presets": {},
    }
    return _described("strategy", plugin, type(strategy)) | told | {"parts": origins(strategy)}


def _options_inside(strategy: Strategy, values: Mapping[str, Any], place: str = "") -> list[dict[str, Any]]:
    rows = [
        {"name": place + option.name, "type": option.type_name, "default": values[place + option.name]}
        | {"help": option.help}
        for option in options_of(type(strategy))
    ]
    for name, inside in getattr(strategy, "parts", {}).items():
        rows += _options_inside(inside, values, f"{place}{name}.")
    return rows


def _described(kind: str, plugin: Plugin, cls: type) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "kind": kind,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "module": plugin.module,
        "description": inspect.getdoc(cls) or "",
        "paper": getattr(cls, "paper", ""),
        "needs": sorted(getattr(cls, "needs", ())),
        "combines": issubclass(cls, Combinator),
        "presets": {key: dict(values) for key, values in getattr(cls, "presets", {}).items()},
        "options": [
            {
                "name": option.name,
                "type": option.type_name,
                "default": option.default,
                "help": option.help,
            }
            for option in options_of(cls)
        ],
    }


def print_description(description: dict[str, Any], *, flag: str) -> None:
    """Print what `describe` returned."""
    click.echo(f"{description['name']} ({description['distribution']} {description['version']})\n")
    click.echo(description["description"])
    if description["paper"]:
        click.echo(f"\npaper    {description['paper']}")
    if description["kind"] == "strategy":
        inside = ["what the strategies inside need"] if description["combines"] else []
        click.echo(f"\nneeds    {', '.join([*description['needs'], *inside]) or 'images only'}")
    if description["options"]:
        click.echo("\noptions in force" if "parts" in description else f"\noptions ({flag} NAME=VALUE)")
        rows = [(o["name"], o["type"], _shown(o["default"]), o["help"]) for o in description["options"]]
        print_rows(rows, indent="  ")
    for name, values in description["presets"].items():
        settled = ", ".join(f"{key.replace('_', '-')}={_shown(value)}" for key, value in values.items())
        click.echo(f"\n{flag} preset={name} means {settled}")


def _shown(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _first_line(module: str) -> str:
    """Return the first line of a module's docstring from its source, without running any of it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    if spec.submodule_search_locations:
        folders = [Path(folder, *rest) for folder in spec.submodule_search_locations]
        files = [path for folder in folders for path in (folder.with_suffix(".py"), folder / "__init__.py")]
    else:
        files = [Path(spec.origin or "")]
    for path in files:
        if path.is_file():
            try:
                docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            except (OSError, SyntaxError, UnicodeDecodeError):
                return ""
            return (docstring or "").partition("\n")[0]
    return ""
