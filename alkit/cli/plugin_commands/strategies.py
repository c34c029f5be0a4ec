"""`alkit strategies`: list all installed strategies, or describe one."""

from __future__ import annotations

import click

from alkit.cli.describe import describe_strategy, listing, print_description, print_listing
from alkit.cli.options import json_option
from alkit.cli.output import print_json
from alkit.plugin.registry import strategies

EXAMPLES = """\b
Examples:
  alkit strategies
  alkit strategies ta-vaal
  alkit strategies "subset(10000) > ta-vaal"
"""


@click.command("strategies", short_help="List all strategies, or describe one.", epilog=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List all installed strategies by kind, or describe one: its options, what it needs and its paper.

    NAME may also be a composition, or FILE.py:CLASS (runs the code in the file).
    """
    if name is None:
        rows = listing(strategies)
        if as_json:
            print_json(rows)
        else:
            print_listing(rows)
        return
    description = describe_strategy(name)
    if as_json:
        print_json(description)
    else:
        print_description(description, flag="-o")
