"""`alkit report`: what a campaign has come to, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option
from alkit.cli.output import print_json

EXAMPLES = """\b
Examples:
  alkit report
  alkit report --campaign birds --out birds.html
  alkit report --stop accuracy=0.9 --stop budget=2000 --worth 0.01
  alkit report --map tsne
  alkit report --json
"""


@click.command("report", epilog=EXAMPLES)
@campaign_option
@click.option("--out", metavar="FILE.html", help="The page.  [report.html in the campaign; with --json none]")
@click.option(
    "--stop",
    "rules",
    multiple=True,
    metavar="RULE",
    help="Say whether it is time to stop: budget=LABELS, "
    "accuracy=TARGET or flat=GAIN:CYCLES; may be repeated.",
)
@click.option(
    "--map",
    "places",
    type=click.Choice(["pca", "tsne", "none"]),
    default="pca",
    show_default=True,
    help="How the map of images comes about.",
)
@click.option(
    "--worth",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.005,
    show_default=True,
    metavar="GAIN",
    help="Accuracy that 100 labels should bring.",
)
@json_option
def command(
    campaign: str | None,
    out: str | None,
    rules: tuple[str, ...],
    places: Literal["pca", "tsne", "none"],
    worth: float,
    as_json: bool,
) -> None:
    """Say what the labels brought, whether the picks are harder than random images, and what to do next.

    The page holds all that it needs and can be sent to anybody. It reads the campaign, trains nothing and
    changes nothing; an earlier report in its place is replaced.
    """
    from alkit.campaign.analysis.stopping import parse
    from alkit.campaign.report.findings import gather_findings
    from alkit.campaign.report.write import write_report

    asked = [parse(rule) for rule in rules]
    with open_campaign(campaign) as opened:
        path = Path(out) if out is not None else opened.directory / "report.html"
        if as_json and out is None:
            found = gather_findings(opened, rules=asked, worth=worth)
        else:
            found = write_report(opened, path, rules=asked, worth=worth, places=places)
    if as_json:
        print_json(found.as_dict())
        return
    click.echo(f"suggestion     {found.suggestion.action}")
    for reason in found.suggestion.reasons:
        click.echo(f"               {reason}")
    click.echo(f"report         {path}")
