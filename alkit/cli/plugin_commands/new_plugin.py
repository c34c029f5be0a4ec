"""`alkit new-plugin`: write a project to start a plugin from."""

from __future__ import annotations

from pathlib import Path

import click

from alkit.plugin.scaffold import KINDS as scaffolds
from alkit.plugin.scaffold import create

KINDS = ("strategy", "task", "oracle", "format", "encoder", "executor", "source")
EXAMPLES = """\b
Examples:
  alkit new-plugin --kind strategy my-idea
  alkit new-plugin --kind task depth-maps ~/code/depth-maps
"""


@click.command("new-plugin", short_help="Write a small working plugin to change.", epilog=EXAMPLES)
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Kind of plugin.")
@click.argument("name")
@click.argument("directory", required=False, metavar="[DIR]")
def command(kind: str, name: str, directory: str | None) -> None:
    """Write a small working plugin, with its entry point and tests, for you to change.

    NAME is what users type, such as my-idea. DIR is made if it does not exist; the default is alkit-NAME in
    this directory. No existing file is changed.
    """
    write(kind, name, directory)


def write(kind: str, name: str, directory: str | None) -> None:
    """Write a project and print what to do next."""
    files = create(kind, name, None if directory is None else Path(directory).expanduser())
    for path in files:
        click.echo(path)
    click.echo("", err=True)
    scaffold = scaffolds[kind]
    steps = [f"cd {files[0].parent}", 'pip install -e ".[test]"', scaffold.check, "pytest", scaffold.use]
    for step in steps:
        click.echo(f"next  {step.format(name)}", err=True)
