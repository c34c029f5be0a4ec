"""`alkit rehearse`: forecast what the next labels would bring, before anybody pays for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from alkit.campaign.rehearsal.forecasts import Rehearsal

EXAMPLES = """\b
Examples:
  alkit rehearse
  alkit rehearse --campaign birds --strategy badge --strategy margin
  alkit rehearse --campaign birds --more 200 --more 2000 --seeds 10
  alkit rehearse --json
"""


@click.command(
    "rehearse", short_help="Forecast what each strategy would gain from the next labels.", epilog=EXAMPLES
)
@campaign_option
@click.option(
    "-s",
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="Strategy to compare with random. Repeatable.  [default: the campaign's, badge and margin]",
)
@click.option(
    "--more",
    multiple=True,
    type=click.IntRange(min=1),
    default=(100, 500, 1000),
    show_default="100, 500 and 1000",
    metavar="LABELS",
    help="Number of further labels to forecast. Repeatable.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    metavar="N",
    help="Replays of each strategy. More replays take longer and narrow the intervals a little.",
)
@device_option
@quiet_option
@json_option
def command(
    campaign: str | None,
    strategies: tuple[str, ...],
    more: tuple[int, ...],
    seeds: int,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Forecast what each strategy and random choice would gain from the next labels, with 90% intervals.

    Strategies are replayed on parts of the labels that the campaign has, and judged on the test set, or else
    on labels that are held out. Where the labels cannot tell a strategy from random choice, the command says
    so, and about how many labels would. Each replay trains 5 models, and 4 for each strategy, on fewer images
    than the campaign's: with an encoder, that takes minutes. An interrupted command goes on where it was. The
    history of the campaign stays as it is; 'alkit report' shows the last rehearsal.
    """
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        found = opened.rehearse(strategies=strategies, more=more, seeds=seeds)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)


def _print(found: Rehearsal) -> None:
    from alkit.campaign.rehearsal.wording import HEAD, about, conclusion, rows  # noqa: PLC0415

    print_rows([HEAD, *rows(found)])
    click.echo()
    click.echo(about(found))
    click.echo(conclusion(found))
