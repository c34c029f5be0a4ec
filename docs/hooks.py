"""What the site takes from alkit's own metadata while it is built: options of plugins, checks of the kit.

A page says `::: alkit-plugin KIND NAME` or `::: alkit-checks KIND`, and a table stands there on the site.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from alkit.cli import cli
from alkit.cli.describe import describe
from alkit.plugin import registry
from alkit.testing import hints
from alkit.testing.results import Result, title

DIRECTIVE = re.compile(r"^::: alkit-(plugin|checks) (.+)$", re.MULTILINE)
REGISTRIES = {
    "strategy": registry.strategies,
    "task": registry.tasks,
    "oracle": registry.oracles,
    "format": registry.formats,
    "encoder": registry.encoders,
    "source": registry.sources,
    "executor": registry.executors,
}


def on_startup(**_: Any) -> None:
    """Put the examples of each command into its description: mkdocs-click leaves the epilog out."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None and command.epilog:
            examples = command.epilog.replace("\b\n", "").strip()
            command.help = f"{inspect.cleandoc(command.help or '')}\n\n```text\n{examples}\n```"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the directives of a page."""
    writers: dict[str, Callable[..., str]] = {"plugin": plugin, "checks": checks}
    return DIRECTIVE.sub(lambda found: writers[found[1]](*found[2].split()), markdown)


def plugin(kind: str, name: str) -> str:
    """Describe one built-in plugin: what it does, what it needs, its options and presets."""
    told = describe(REGISTRIES[kind], f"alkit:{name}")
    parts = [told["description"]]
    if told["paper"]:
        parts.append(f"Paper: {told['paper']}.")
    if kind == "strategy":
        nested = ["what the nested strategies need"] if told["combines"] else []
        needs = [*(f"`{need}`" for need in told["needs"]), *nested]
        parts.append(f"Needs of the task: {', '.join(needs) or 'the images only'}.")
    if told["options"]:
        rows = [
            (f"`{o['name']}`", o["type"], f"`{_shown(o['default'])}`", _plain(o["help"]))
            for o in told["options"]
        ]
        parts.append(_table(("option", "type", "default", "meaning"), rows))
    for preset, values in told["presets"].items():
        given = ", ".join(f"`{key.replace('_', '-')}={_shown(value)}`" for key, value in values.items())
        parts.append(f"Preset `{preset}`: {given}.")
    return "\n\n".join(parts)


def checks(kind: str) -> str:
    """List the checks of the conformance kit for one kind of plugin."""
    names = [title(check) for check in hints.CHECKS[kind]]
    told = [hints.explain(kind, Result(name, True, "")) for name in names]
    rows = [(f"`{name}`", one.checked, _plain(one.advice)) for name, one in zip(names, told, strict=True)]
    return _table(("check", "what holds", "where it does not"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    return re.sub(r"[_*<]", r"\\\g<0>", text)


def _shown(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
