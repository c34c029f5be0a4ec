"""`alkit labelstudio`: send the open query to a running Label Studio, and fetch the answers."""

from __future__ import annotations

from typing import Any

import click

from alkit.campaign.export import identity_of, open_export
from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import UsageError
from alkit.interfaces.format import LiveFormat, Server
from alkit.options import build, parse_pairs
from alkit.plugin import registry
from alkit.utils.counts import counted

from .ingest import take

EXAMPLES = """\b
Examples:
  export LABEL_STUDIO_API_KEY=...
  alkit labelstudio push --url http://localhost:8080 --campaign birds
  alkit labelstudio pull --url http://localhost:8080 --campaign birds --dry-run
"""
FORMAT = "label-studio"


@click.command(
    "labelstudio", short_help="Send the open query to Label Studio, and fetch answers.", epilog=EXAMPLES
)
@click.argument("direction", type=click.Choice(["push", "pull"]))
@click.option("--url", required=True, metavar="URL", help="Address of Label Studio.")
@click.option(
    "--token",
    envvar="LABEL_STUDIO_API_KEY",
    metavar="TOKEN",
    help="Personal access token, or legacy token. Prefer the variable LABEL_STUDIO_API_KEY: other users of "
    "the machine can see the options of a command.",
)
@click.option("--project", type=int, metavar="ID", help="Project to use in place of the campaign's own.")
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the format; 'alkit plugins label-studio' lists them. Repeatable.",
)
@click.option("--allow-new-classes", is_flag=True, help="Add labels that are not classes yet as new classes.")
@click.option("--strict", is_flag=True, help="Keep nothing if any answer is rejected.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; keep nothing.")
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    direction: str,
    url: str,
    token: str | None,
    project: int | None,
    option: tuple[str, ...],
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Push the open query to Label Studio, or pull the answers from it.

    'push' adds the images that are not there yet, in rank order, to the campaign's own project, which it
    makes if necessary. 'pull' takes in the answers as 'alkit ingest' takes in a file. Both need:
    pip install 'alkit[label-studio]'.
    """
    if not token:
        raise UsageError("there is no token; set the variable LABEL_STUDIO_API_KEY, or use --token")
    if direction == "push" and any(how.values()):
        raise UsageError("--allow-new-classes, --strict and --dry-run work with 'pull' only; leave them out")
    format = build(registry.formats.get(FORMAT), parse_pairs(option))
    assert isinstance(format, LiveFormat)
    server = Server(url, token, project)
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        format.carry(opened.settings.labels)
        if direction == "pull":
            reply = format.pull(server, campaign=identity_of(opened))
            how["said_before"] = format.timed
            take(opened, reply, named=server.shown, unit=format.unit, as_json=as_json, **how)
            return
        export = open_export(opened)
        pushed = format.push(export, server, campaign=identity_of(opened))
    if as_json:
        print_json({"query": export.query, **pushed._asdict()})
    else:
        click.echo(
            f"query {export.query}: {counted(pushed.added, 'task')} added, {pushed.known} already there"
        )
        click.echo(f"project        {server.shown}/projects/{pushed.project}")
