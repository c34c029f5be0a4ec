"""`alkit init`: make a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alkit.campaign.next_step import next_step
from alkit.campaign.record.aggregation import RULES
from alkit.cli.opening import spec_from
from alkit.cli.options import (
    creation_options,
    device_option,
    executor_options,
    executor_options_given,
    json_option,
    quiet_option,
)
from alkit.cli.options import strategy_options as strategy_flags
from alkit.cli.output import print_json
from alkit.plugin.executors import open_executor
from alkit.utils.progress import NullProgress, Terminal

EXAMPLES = """\b
Examples:
  alkit init birds --pool photos/
  alkit init birds --pool photos/ --labels known.csv --test test-photos/
  alkit init birds --pool s3://bucket/birds --root /data/copies
  alkit init birds --pool photos/ --executor processes --workers 4
  alkit init sim --pool cifar10 --root data --oracle dataset --model resnet18
"""


@click.command("init", short_help="Make a campaign.", epilog=EXAMPLES)
@click.argument("directory", metavar="DIR")
@click.option(
    "--pool",
    required=True,
    metavar="IMAGES",
    help="Images to choose from: a folder, a .csv manifest, .npy or .npz arrays, a .parquet file, .tar "
    "shards, an address such as s3://bucket/photos, or digits, cifar10, cifar100, fashion-mnist or svhn. "
    "'alkit plugins' lists all sources.",
)
@strategy_flags
@creation_options
@click.option(
    "--aggregate",
    type=click.Choice(RULES),
    default="last",
    show_default=True,
    help="Rule that combines the answers of several annotators to one image.",
)
@executor_options("the images of the pool are read")
@device_option
@quiet_option
@json_option
def command(
    directory: str,
    pool: str,
    aggregate: str,
    executor: str | None,
    workers: int | None,
    scheduler: str | None,
    executor_option: tuple[str, ...],
    device: str,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a campaign in DIR: fix the list of images and take in known labels.

    Original images are only read. Images that cannot be used are listed once and never chosen.
    """
    from alkit.campaign.create import create_from  # noqa: PLC0415  # numpy is slow to import

    of_executor = executor_options_given(executor, workers, scheduler, executor_option)
    chosen = None if executor is None else open_executor(executor, of_executor)
    progress = NullProgress() if quiet else Terminal()
    spec = spec_from(pool, {**given, "aggregate": aggregate})
    made = create_from(Path(directory), spec, device=device, executor=chosen, progress=progress)
    with made as campaign:
        if as_json:
            print_json({**campaign.status(), "overview": campaign.overview})
        else:
            click.echo(f"campaign       {directory}")
            click.echo(f"next           {next_step(campaign)}")
