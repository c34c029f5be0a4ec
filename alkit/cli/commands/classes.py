"""`alkit classes`: list, add, rename, merge and retire classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import group_options, subcommand_options
from alkit.cli.output import print_json, print_rows
from alkit.utils.counts import counted

EXAMPLES = """\b
Examples:
  alkit classes
  alkit classes rename gul gull
  alkit classes merge "herring gull" "common gull" --into gull
  alkit classes retire other --campaign birds
"""


@click.group(
    "classes",
    short_help="List, rename, merge and retire classes.",
    epilog=EXAMPLES,
    invoke_without_command=True,
)
@group_options
def command(context: click.Context, campaign: str | None, as_json: bool) -> None:
    """List the classes of a campaign, or change them.

    Labels follow their class. Every change is added to the history, and what annotators said stays there.
    """
    if context.invoked_subcommand is None:
        from alkit.campaign.changes.classes import class_report  # noqa: PLC0415  # numpy is slow to import

        with open_campaign(campaign, quiet=True) as opened:
            report = class_report(opened)
        print_json(report) if as_json else _print_all(report)


@command.command(short_help="Add a class.", epilog="\b\nExample:\n  alkit classes add owl\n")
@click.argument("name")
@subcommand_options
def add(name: str, campaign: str | None, as_json: bool) -> None:
    """Add a class after those that there are."""
    _change(campaign, as_json, "add_class", [name], f"class '{name}' is added")


@command.command(
    short_help="Give a class another name.", epilog="\b\nExample:\n  alkit classes rename gul gull\n"
)
@click.argument("old")
@click.argument("new")
@subcommand_options
def rename(old: str, new: str, campaign: str | None, as_json: bool) -> None:
    """Give a class another name; all its labels have that name from then on.

    Answers that still use the old name, in a list or an export from before, are understood.
    """
    _change(campaign, as_json, "rename_class", [old, new], f"class '{old}' is called '{new}' now")


@command.command(
    short_help="Make one class of several.",
    epilog='\b\nExample:\n  alkit classes merge "herring gull" "common gull" --into gull\n',
)
@click.argument("names", nargs=-1, required=True)
@click.option("--into", required=True, metavar="NAME", help="The class that remains.")
@subcommand_options
def merge(names: Sequence[str], into: str, campaign: str | None, as_json: bool) -> None:
    """Let the labels of several classes count as labels of one; the others end.

    This cannot be undone, but the ledger keeps what annotators said.
    """
    listed = ", ".join(f"'{name}'" for name in names if name != into)
    _change(campaign, as_json, "merge_classes", [list(names), into], f"{listed} count as '{into}' now")


@command.command(short_help="Stop using a class.", epilog="\b\nExample:\n  alkit classes retire other\n")
@click.argument("name")
@subcommand_options
def retire(name: str, campaign: str | None, as_json: bool) -> None:
    """Stop using a class: its labels do not count any more, and its images can be asked again.

    'alkit classes restore' takes that back.
    """
    done = f"class '{name}' is retired, and its images can be asked again"
    _change(campaign, as_json, "retire_class", [name], done)


@command.command(
    short_help="Use a retired class again.", epilog="\b\nExample:\n  alkit classes restore other\n"
)
@click.argument("name")
@subcommand_options
def restore(name: str, campaign: str | None, as_json: bool) -> None:
    """Use a retired class again; its labels count again, where nothing else was said since."""
    _change(campaign, as_json, "restore_class", [name], f"class '{name}' is used again")


def _change(
    campaign: str | None,
    as_json: bool,
    method: str,
    arguments: Sequence[Any],
    done: str,
) -> None:
    """Change the classes and say what is different."""
    with open_campaign(campaign, quiet=True) as opened:
        report = getattr(opened, method)(*arguments)
    if as_json:
        print_json(report)
        return
    click.echo(f"{done}: {counted(report['images'], 'labeled image')}")
    click.echo("classes        " + ", ".join(f"{name} {count}" for name, count in report["classes"].items()))


def _print_all(report: Mapping[str, Any]) -> None:
    if not report["classes"]:
        click.echo("there are no classes yet; the first answers define them, or 'alkit classes add NAME'")
    else:
        print_rows([(name, f"{count:,}") for name, count in report["classes"].items()])
    if report["retired"]:
        click.echo(f"retired: {', '.join(report['retired'])}")
