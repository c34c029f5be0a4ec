"""`alkit new-plugin`: a project to begin a plugin with."""

from __future__ import annotations

from pathlib import Path

import click

KINDS = ("strategy", "task", "oracle", "format")
EXAMPLES = """\b
Examples:
  alkit new-plugin --kind strategy my-idea
  alkit new-plugin --kind task depth-maps ~/code/depth-maps
"""


@click.command("new-plugin", epilog=EXAMPLES)
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin is.")
@click.argument("name")
@click.argument("directory", required=False, metavar="[DIR]")
def command(kind: str, name: str, directory: str | None) -> None:
    """Write a small plugin that works, with its entry point and tests, to be changed into yours.

    NAME is what people will type: my-idea. DIR is made if it is not there; by default it is alkit-NAME in
    this directory. Nothing that exists is changed.
    """
    write(kind, name, directory)


def write(kind: str, name: str, directory: str | None) -> None:
    """Write a project and say what to do next."""
    from alkit.plugin.scaffold import KINDS as told
    from alkit.plugin.scaffold import create

    files = create(kind, name, None if directory is None else Path(directory).expanduser())
    for path in files:
        click.echo(path)
    click.echo("", err=True)
    steps = [f"cd {files[0].parent}", 'pip install -e ".[test]"', told[kind].check, "pytest", told[kind].use]
    for step in steps:
        click.echo(f"next  {step.format(name)}", err=True)
