"""`alkit query`: choose the images to label next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from alkit.cli.opening import open_or_create
from alkit.cli.options import (
    NumberRange,
    campaign_option,
    creation_options,
    device_option,
    json_option,
    quiet_option,
    seed_options,
)
from alkit.cli.options import strategy_options as strategy_flags
from alkit.cli.output import print_json

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Query


EXAMPLES = """\b
Examples:
  alkit query --strategy ta-vaal --pool digits --budget 50
  alkit query --strategy entropy --pool photos/ --labels known.csv --budget 100
  alkit query --campaign birds --strategy learning-loss -o loss=ranking --budget 100
  alkit query --campaign birds --strategy disputed --budget 20
"""


@click.command("query", short_help="Choose the images to label next.", epilog=EXAMPLES)
@strategy_flags
@click.option("-n", "--budget", type=int, required=True, metavar="N", help="Number of images to choose.")
@campaign_option
@click.option(
    "--pool",
    metavar="IMAGES",
    help="Images to choose from, as in 'alkit init'; makes the campaign if it does not exist.",
)
@click.option("--new", is_flag=True, help="Withdraw the open query and choose again.")
@click.option(
    "--control",
    type=NumberRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the N images to draw at random, to measure the model on.  [default: 0.1; 0 with an oracle "
    "or without a model]",
)
@seed_options
@creation_options
@device_option
@quiet_option
@json_option
def command(
    strategy: str | None,
    option: tuple[str, ...],
    budget: int,
    campaign: str | None,
    pool: str | None,
    new: bool,
    control: float | None,
    seed_strategy: str,
    seed_size: int | None,
    device: str,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Choose the N images most worth labeling, and write them to a list and a contact sheet.

    While a query is open, the same query is returned; --new withdraws it. If no image is labeled yet, a seed
    query comes first.
    """
    given.update(strategy=strategy, option=option, budget=budget)
    opening = open_or_create(campaign, pool, device=device, quiet=quiet, given=given)
    with opening.campaign as opened:
        query = opened.ask(
            budget,
            strategy=opening.strategy,
            options=opening.options,
            new=new,
            seed_strategy=seed_strategy,
            seed_size=seed_size,
            control=control,
        )
        unused = query.reused and budget != len(query.picks)
        if unused:
            click.echo(
                f"--budget {budget} is not used: query {query.number} was made with {len(query.picks)} "
                "images and is still open; answer it first, or withdraw it with --new",
                err=True,
            )
        if as_json:
            print_json(
                {
                    **query.as_dict(),
                    "unused_budget": budget if unused else None,
                    "list": str(opened.csv_path(query)),
                    "contact_sheet": str(opened.sheet_path(query)),
                }
            )
        else:
            _print(opened, query, strategy, budget)


def _print(campaign: Campaign, query: Query, strategy: str | None, budget: int) -> None:
    if query.reused:
        left = len(query.unanswered)
        click.echo(
            f"query {query.number} is still open: {left} of {len(query.picks)} images by "
            f"'{query.strategy}' are not answered (--new withdraws the query)"
        )
    else:
        control = f", {query.controls} of them drawn at random as a control" if query.controls else ""
        click.echo(f"query {query.number}: {len(query.picks)} images chosen by '{query.strategy}'{control}")
    for warning in query.asked.diagnostics.get("warnings", ()):
        click.echo(f"warning        {warning}")
    sheet, table = campaign.sheet_path(query), campaign.csv_path(query)
    click.echo(f"list           {table}")
    click.echo(f"contact sheet  {sheet}")
    directory = shlex.quote(str(campaign.directory))
    if campaign.settings.oracle is not None:
        click.echo(
            f"next           alkit ingest --campaign {directory} --oracle {campaign.settings.oracle.name}"
        )
    else:
        more = "" if campaign.classes else " --allow-new-classes"
        click.echo(f"next           fill in the column 'label' in {table.name}, then run")
        click.echo(f"               alkit ingest --campaign {directory} {shlex.quote(str(table))}{more}")
