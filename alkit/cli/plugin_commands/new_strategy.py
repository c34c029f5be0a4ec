"""`alkit new-strategy`: short for `alkit new-plugin --kind strategy`."""

from __future__ import annotations

import click

from .new_plugin import write

EXAMPLES = """\b
Examples:
  alkit new-strategy my-idea
  alkit new-strategy my-idea ~/code/my-idea
"""


@click.command("new-strategy", short_help="Write a small working strategy to change.", epilog=EXAMPLES)
@click.argument("name")
@click.argument("directory", required=False, metavar="[DIR]")
def command(name: str, directory: str | None) -> None:
    """Write a small working strategy, with its entry point and tests, for you to change.

    NAME is what users type, such as my-idea. DIR is made if it does not exist; the default is alkit-NAME in
    this directory. No existing file is changed.
    """
    write("strategy", name, directory)
