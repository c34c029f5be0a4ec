"""`alkit report`: write the results of a campaign as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from alkit.campaign.analysis.stopping import parse
from alkit.cli.opening import open_campaign, place_in
from alkit.cli.options import NumberRange, campaign_option, json_option
from alkit.cli.output import print_json

EXAMPLES = """\b
Examples:
  alkit report
  alkit report --campaign birds --out birds.html
  alkit report --stop accuracy=0.9 --stop budget=2000 --worth 0.01
  alkit report --map tsne
  alkit report --json
"""


@click.command("report", short_help="Write the results of a campaign as one page.", epilog=EXAMPLES)
@campaign_option
@click.option(
    "--out",
    metavar="FILE.html",
    help="Page to write.  [default: report.html in the campaign; none with --json]",
)
@click.option(
    "--stop",
    "rules",
    multiple=True,
    metavar="RULE",
    help="Stopping rule to check: budget=LABELS, accuracy=TARGET (of another main metric, target=rmse:5) or "
    "flat=GAIN:CYCLES. Repeatable.",
)
@click.option(
    "--map",
    "places",
    type=click.Choice(["pca", "tsne", "none"]),
    default="pca",
    show_default=True,
    help="Projection of the map of images; none leaves the map out.",
)
@click.option(
    "--worth",
    type=NumberRange(0, 1, min_open=True),
    default=0.005,
    show_default=True,
    metavar="GAIN",
    help="Gain of the metric per 100 labels below which labeling is not worth it.",
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
    """Show how much the labels helped, whether the chosen images are harder than random ones, and what to do
    next.

    The page is a single file that can be sent to anyone. The command only reads the campaign: it trains and
    changes nothing. It replaces an earlier report of the same name.
    """
    from alkit.campaign.report.findings import gather_findings  # noqa: PLC0415  # numpy is slow to import
    from alkit.campaign.report.write import write_report  # noqa: PLC0415  # numpy is slow to import

    asked = [parse(rule) for rule in rules]
    with open_campaign(campaign) as opened:
        if as_json and out is None:
            found = gather_findings(opened, rules=asked, worth=worth)
        else:
            path = Path(out) if out is not None else place_in(opened, "report.html")
            found = write_report(opened, path, rules=asked, worth=worth, places=places)
    if as_json:
        print_json(found.as_dict())
        return
    click.echo(f"suggestion     {found.suggestion.action}")
    for reason in found.suggestion.reasons:
        click.echo(f"               {reason}")
    click.echo(f"report         {path}")
