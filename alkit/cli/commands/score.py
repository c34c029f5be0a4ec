"""`alkit score`: score a shard of the images, for a query that gathers all shards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import (
    NumberRange,
    campaign_option,
    device_option,
    json_option,
    quiet_option,
    strategy_options,
)
from alkit.cli.output import print_json
from alkit.options import parse_pairs
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from alkit.campaign.score import ScoreReport

EXAMPLES = """\b
Examples:
  alkit train --campaign birds --strategy entropy
  alkit score --campaign birds --strategy entropy --budget 100 --shard 1/2 --scores scores/
  alkit score --campaign birds --strategy entropy --budget 100 --shard 2/2 --scores scores/
  alkit query --campaign birds --strategy entropy --budget 100 --scores scores/
"""


def _shard(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """Return a shard and how many there are, as in 3/8."""
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value!r} should be like 3/8, from 1/8 to 8/8.")
    return int(found[1]), int(found[2])


@click.command("score", short_help="Score one shard of the images for a query.", epilog=EXAMPLES)
@strategy_options
@click.option("-n", "--budget", type=int, required=True, metavar="N", help="Number of images of the query.")
@click.option(
    "--shard",
    callback=_shard,
    required=True,
    metavar="I/N",
    help="Which of N shards to score, from 1/N to N/N.",
)
@click.option(
    "--scores", required=True, metavar="DIR", help="Folder of the scores of all shards, for 'alkit query'."
)
@campaign_option
@click.option("--new", is_flag=True, help="Score for a query that withdraws the open one.")
@click.option(
    "--control",
    type=NumberRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the N images to draw at random, as in the query.",
)
@device_option
@quiet_option
@json_option
def command(
    strategy: str | None,
    option: tuple[str, ...],
    budget: int,
    shard: tuple[int, int],
    scores: str,
    campaign: str | None,
    new: bool,
    control: float | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score one shard of the images; 'alkit query --scores DIR' gathers all shards and chooses.

    Every shard is a command of its own, on any machine that sees the same files, at the same time as others
    and in any order. A shard that is run again continues; one that is missing is computed by the query. Give
    the same options as to the query. The model is trained before, by 'alkit train --strategy NAME'.
    """
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        report = opened.score(
            budget,
            shard=shard[0],
            of=shard[1],
            scores=scores,
            strategy=strategy,
            options=parse_pairs(option),
            new=new,
            control=control,
        )
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report)


def _print(report: ScoreReport) -> None:
    if report.blocks == 0:
        click.echo(f"nothing left to score for '{report.strategy}'; 'alkit query' does the rest")
        return
    done = "scored" if report.what == "scores" else "encoded"
    click.echo(f"shard {report.shard} of {report.of}: {counted(report.computed, 'block')} {done}")
    click.echo(f"missing        {report.missing} of {report.blocks} blocks")
    click.echo(f"{report.what:<14} {report.folder}")
    if report.what == "features":
        click.echo("next           when all shards are encoded, 'alkit train' gathers them; then score them")
