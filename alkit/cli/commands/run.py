"""`alkit run`: run a whole campaign with an oracle that answers."""

from __future__ import annotations

from typing import Any

import click

from alkit.campaign.analysis.stopping import parse
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
from alkit.cli.output import print_json, print_rows
from alkit.errors import UsageError
from alkit.options import parse_pairs
from alkit.reporting.wording import metric_name

EXAMPLES = """\b
Examples:
  alkit run --pool digits --strategy coreset --oracle dataset --cycles 5 --budget 40
  alkit run --pool digits --strategy entropy --cycles 20 --budget 40 --stop accuracy=0.9 --stop flat=0.005:3
  alkit run --campaign sim --oracle file --oracle-option path=labels.csv --cycles 3 --budget 100
"""


@click.command("run", short_help="Run a whole campaign with an oracle that answers.", epilog=EXAMPLES)
@strategy_flags
@click.option("-n", "--budget", type=int, required=True, metavar="N", help="Number of images per cycle.")
@click.option(
    "--cycles", type=int, required=True, metavar="K", help="Number of queries in total, without a seed query."
)
@campaign_option
@click.option(
    "--pool",
    metavar="IMAGES",
    help="Images to choose from, as in 'alkit init'; makes the campaign if it does not exist.",
)
@click.option(
    "--control",
    type=NumberRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Share of the N images to draw at random, to measure the model on.",
)
@click.option(
    "--stop",
    multiple=True,
    metavar="RULE",
    help="Rule to stop earlier: budget=LABELS, accuracy=TARGET or flat=GAIN:CYCLES (gain per 100 labels); "
    "or target=rmse:5, for a task with another main metric. Repeatable.",
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
    cycles: int,
    campaign: str | None,
    pool: str | None,
    control: float,
    stop: tuple[str, ...],
    seed_strategy: str,
    seed_size: int | None,
    device: str,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Query and answer K times, and show how the model performed as labels were added.

    If a run is interrupted, the same command continues and finishes it.
    """
    rules = [parse(text) for text in stop]
    oracle_name, oracle_options = given.pop("oracle"), given.pop("oracle_option")
    given.update(strategy=strategy, option=option, budget=budget)
    opening = open_or_create(campaign, pool, device=device, quiet=quiet, given=given)
    with opening.campaign as opened:
        oracle = opened.oracle(oracle_name, parse_pairs(oracle_options))
        if oracle is None:
            raise UsageError(
                "there is no oracle; add --oracle dataset, or --oracle file --oracle-option path=FILE"
            )
        history = opened.run(
            oracle,
            cycles=cycles,
            n=budget,
            strategy=opening.strategy,
            options=opening.options,
            seed_strategy=seed_strategy,
            seed_size=seed_size,
            control=control,
            stop=rules,
        )
        stopped = opened.stopped
    if as_json:
        print_json([record.as_dict() for record in history])
        return
    metric = next((name for record in history for name in record.metrics), "")
    copies = any(record.copied for record in history)
    rows = [("cycle", "labels", *(["copies"] if copies else []), f"test {metric_name(metric)}".rstrip())]
    for record in history:
        main = f"{next(iter(record.metrics.values())):.4f}" if record.metrics else "-"
        copied = [f"{record.copied:,}"] if copies else []
        rows.append((str(record.cycle), f"{record.labels:,}", *copied, main))
    print_rows(rows)
    if stopped is not None and stopped.rule in map(str, rules):
        click.echo(f"stopped by {stopped.rule}: {stopped.reason}")
