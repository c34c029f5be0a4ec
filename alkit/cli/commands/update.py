"""`alkit update`: take in new images."""

from __future__ import annotations

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option, quiet_option
from alkit.cli.output import print_json

EXAMPLES = """\b
Examples:
  alkit update
  alkit update --campaign birds
"""


@click.command("update", short_help="Take in new images.", epilog=EXAMPLES)
@campaign_option
@quiet_option
@json_option
def command(campaign: str | None, quiet: bool, as_json: bool) -> None:
    """Take in new images in the pool's folder; the indices of the other images never change."""
    with open_campaign(campaign, quiet=quiet) as opened:
        report = opened.update()
    if as_json:
        print_json(report)
        return
    click.echo(
        f"{report['added']:,} images added, {len(report['unusable']):,} of them unusable, "
        f"{report['duplicates']:,} exact copies"
    )
    if report["found"]:
        click.echo(f"{report['found']:,} images that were missing are back")
    for entry in report["unusable"]:
        click.echo(f"unusable: {entry['image']!r}: {entry['reason']}")
    if report["missing"]:
        click.echo(
            f"warning: {len(report['missing']):,} images are missing, such as {report['missing'][0]!r}"
        )
