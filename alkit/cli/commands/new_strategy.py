"""`alkit new-strategy`: short for `alkit new-plugin --kind strategy`."""

from __future__ import annotations

import click

from .new_plugin import write

EXAMPLES = """\b
Examples:
  alkit new-strategy my-idea
  alkit new-strategy my-idea ~/code/my-idea
"""


@click.command("new-strategy", epilog=EXAMPLES)
@click.argument("name")
@click.argument("directory", required=False, metavar="[DIR]")
def command(name: str, directory: str | None) -> None:
    """Write a small strategy that works, with its entry point and tests, to be changed into yours.

    NAME is what people will type: my-idea. DIR is made if it is not there; by default it is alkit-NAME in
    this directory. Nothing that exists is changed.
    """
    write("strategy", name, directory)
