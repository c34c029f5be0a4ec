"""Descriptions of plugins: of all in one line each, without importing any, and of one in full."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import click

from alkit.composition.combinator import Combinator
from alkit.composition.expression import is_composed
from alkit.composition.factory import class_of, effective_options, find, make_strategy, origins, plugin_of
from alkit.interfaces.strategy import Strategy
from alkit.options import options_of
from alkit.plugin.registry import Plugin, Registry
from alkit.plugin.summary import OTHER, summary_of

from .output import aligned, print_rows

KINDS = (  # of strategies, in the order in which they are listed
    "random sampling",
    "uncertainty",
    "dropout uncertainty",
    "diversity",
    "uncertainty and diversity",
    "learned loss",
    "adversarial",
    "graph networks",
    "combinations",
    "relabeling",
)


def listing(registry: Registry[Any]) -> list[dict[str, str]]:
    """Describe each plugin by its metadata and its source; nothing is imported."""
    rows = []
    for plugin in registry:
        summary = summary_of(plugin)
        rows.append(
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "summary": summary.text,
                "kind": summary.kind,
            }
        )
    return rows


def print_listing(rows: Sequence[Mapping[str, str]]) -> None:
    """Print what `listing` returned, a section per kind; kinds of third parties come last."""
    lines = aligned([(r["name"], f"{r['distribution']} {r['version']}", r["summary"]) for r in rows])
    present = {row["kind"] for row in rows}
    kinds = [*KINDS, *sorted(present - {*KINDS, OTHER}), OTHER]
    for number, kind in enumerate(kind for kind in kinds if kind in present):
        click.echo(("\n" if number else "") + kind[:1].upper() + kind[1:])
        for row, line in zip(rows, lines, strict=True):
            if row["kind"] == kind:
                click.echo(f"  {line}")


def describe(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Import one plugin and describe it."""
    return _described(registry.kind, registry.find(name), registry.get(name))


def describe_strategy(text: str) -> dict[str, Any]:
    """Describe a strategy by its text; for a composition, with the options in effect in place of defaults."""
    if not is_composed(text):
        return _described("strategy", find(text), class_of(text))
    strategy = make_strategy(text)
    plugin = plugin_of(strategy)
    assert plugin is not None
    options = _nested_options(strategy, effective_options(strategy))
    composed = {
        "name": strategy.name,
        "needs": sorted(strategy.needs),
        "combines": False,
        "options": options,
        "presets": {},
    }
    return _described("strategy", plugin, type(strategy)) | composed | {"parts": origins(strategy)}


def _nested_options(strategy: Strategy, values: Mapping[str, Any], place: str = "") -> list[dict[str, Any]]:
    rows = [
        {"name": place + option.name, "type": option.type_name, "default": values[place + option.name]}
        | {"help": option.help}
        for option in options_of(type(strategy))
    ]
    for name, inside in getattr(strategy, "parts", {}).items():
        rows += _nested_options(inside, values, f"{place}{name}.")
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
            for option in (options_of(cls) if dataclasses.is_dataclass(cls) else ())
        ],
    }


def print_description(description: dict[str, Any], *, flag: str) -> None:
    """Print what `describe` returned."""
    click.echo(f"{description['name']} ({description['distribution']} {description['version']})\n")
    click.echo(description["description"])
    if description["paper"]:
        click.echo(f"\npaper    {description['paper']}")
    if description["kind"] == "strategy":
        nested = ["what the nested strategies need"] if description["combines"] else []
        click.echo(f"\nneeds    {', '.join([*description['needs'], *nested]) or 'images only'}")
    if description["options"]:
        click.echo("\noptions in effect" if "parts" in description else f"\noptions ({flag} NAME=VALUE)")
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
