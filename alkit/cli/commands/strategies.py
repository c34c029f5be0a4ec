"""`alkit strategies`: what can choose."""

from __future__ import annotations

import click

from alkit.cli.options import json_option
from alkit.cli.output import print_json, print_rows

EXAMPLES = """\b
Examples:
  alkit strategies
  alkit strategies ta-vaal
  alkit strategies "subset(10000) > ta-vaal"
"""


@click.command("strategies", epilog=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the strategies that are installed, or show one: its options, what it needs, its paper.

    NAME may be a composition, or FILE.py:CLASS, whose code is run.
    """
    from alkit.cli.describe import describe_strategy, listing, print_description
    from alkit.plugin.registry import strategies

    if name is None:
        rows = listing(strategies)
        if as_json:
            print_json(rows)
        else:
            print_rows([(r["name"], f"{r['distribution']} {r['version']}", r["summary"]) for r in rows])
        return
    description = describe_strategy(name)
    if as_json:
        print_json(description)
    else:
        print_description(description, flag="-o")
