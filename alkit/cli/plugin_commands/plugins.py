"""`alkit plugins`: list all installed plugins, or describe one."""

from __future__ import annotations

import click

from alkit.cli.describe import describe, print_description
from alkit.cli.options import json_option
from alkit.cli.output import print_json, print_rows
from alkit.errors import UnknownPlugin
from alkit.plugin.registry import KINDS, all_plugins

EXAMPLES = """\b
Examples:
  alkit plugins
  alkit plugins classification
"""
FLAGS = {
    "strategy": "-o",
    "task": "-t",
    "oracle": "--oracle-option",
    "format": "-o",
    "encoder": "-t",
    "source": "",
    "executor": "--executor-option",
}


@click.command("plugins", short_help="List all plugins, or describe one.", epilog=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List all installed plugins with their distributions, or describe one."""
    if name is not None:
        _describe(name, as_json)
        return
    rows = [(p.group, p.name, p.distribution, p.version, p.module) for p in all_plugins()]
    if as_json:
        print_json(
            [dict(zip(("group", "name", "distribution", "version", "module"), r, strict=True)) for r in rows]
        )
    else:
        print_rows(rows)


def _describe(name: str, as_json: bool) -> None:
    """Describe the plugins of a name: an oracle and an encoder, say, may share it."""
    named = [
        registry
        for registry in KINDS.values()
        if any(name in (plugin.name, f"{plugin.distribution}:{plugin.name}") for plugin in registry)
    ]
    if not named:
        raise UnknownPlugin(f"there is no plugin '{name}'; 'alkit plugins' lists those installed")
    found = [describe(registry, name) for registry in named]
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
        return
    for number, (registry, description) in enumerate(zip(named, found, strict=True)):
        if len(found) > 1:
            click.echo(("\n" if number else "") + f"{registry.kind} ", nl=False)
        print_description(description, flag=FLAGS[registry.kind])
