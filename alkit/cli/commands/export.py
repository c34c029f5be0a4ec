"""`alkit export`: send the open query to people who label."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import UsageError

EXAMPLES = """\b
Examples:
  alkit export --format label-studio --campaign birds
  alkit export --format cvat --out to-label.zip
  alkit export --format folders -o images=link --labeled --out labeled/
"""


@click.command("export", epilog=EXAMPLES)
@click.option("-f", "--format", "name", required=True, metavar="NAME", help="As 'alkit plugins' lists it.")
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the format; see 'alkit plugins NAME'.",
)
@click.option("--out", metavar="PATH", help="What to write.  [queries/NNN-NAME in the campaign]")
@click.option("--labeled", is_flag=True, help="Write all labeled images with their labels instead.")
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    name: str,
    option: tuple[str, ...],
    out: str | None,
    labeled: bool,
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write what is not answered of the open query for a labeling tool.

    'alkit ingest' reads what comes back. Originals are never changed, and nothing is written over.
    """
    from alkit.campaign.export import labeled_export, open_export
    from alkit.options import build, parse_pairs
    from alkit.plugin import registry

    format = build(registry.formats.get(name), parse_pairs(option))
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        export = labeled_export(opened) if labeled else open_export(opened)
        if out is None:
            stem = f"{export.query:03d}-{format.name}" if export.query else f"labeled-{format.name}"
            path = opened.directory / "queries" / f"{stem}{format.extensions[0]}"
        else:
            path = Path(out)
            if not path.name.lower().endswith(format.extensions):
                endings = " or ".join(format.extensions)
                raise UsageError(f"{format.name} is written as {endings}, and '{out}' is called otherwise")
        there = next(filter(os.path.lexists, [path, *format.beside(path)]), None)
        if there is not None:
            raise UsageError(f"{there} exists already; move it away, or name another place by --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        written = [str(file) for file in format.write(export, path)]
    if as_json:
        print_json(
            {"format": format.name, "query": export.query, "images": len(export.items), "written": written}
        )
        return
    what = f"query {export.query}: {len(export.items)} images to label" if export.query else export.title
    click.echo(
        f"{what}, as {format.name}"
        if export.query
        else f"{len(export.items)} labeled images, as {format.name}"
    )
    for file in written:
        click.echo(f"written        {file}")
    if export.query:
        directory = shlex.quote(str(opened.directory))
        click.echo(f"next           label them, then  alkit ingest --campaign {directory} FILE")
