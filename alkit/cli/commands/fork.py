"""`alkit fork`: make a second campaign from a first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from alkit.campaign.next_step import next_step
from alkit.campaign.spec import DEFAULT_TASK
from alkit.cli.opening import FLAGS, open_campaign, spec_from
from alkit.cli.options import campaign_option, device_option, encoder_option, json_option, quiet_option
from alkit.cli.options import strategy_options as strategy_flags
from alkit.cli.output import print_json
from alkit.data.pixel_types import PIXEL_TYPES
from alkit.options import parse_pairs
from alkit.utils.counts import counted
from alkit.utils.progress import NullProgress, Terminal

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign

NAMED = ("task", "strategy", "test", "image_size", "channels", "pixel_type", "value_range", "seed")
EXAMPLES = """\b
Examples:
  alkit fork birds-large --campaign birds --image-size 128
  alkit fork birds-encoded --campaign birds --encoder efficientnet-lite0 --strategy uherding
  alkit fork birds-resnet --campaign birds --model resnet18 -t epochs=50
  alkit fork birds-coreset --campaign birds --strategy coreset --seed 1
"""


@click.command("fork", short_help="Make a second campaign from a first.", epilog=EXAMPLES)
@click.argument("directory", metavar="DIR")
@campaign_option
@strategy_flags
@click.option("--test", metavar="POOL", help="Labeled images to test the model on.")
@click.option("--task", metavar="NAME", help="Task plugin.")
@click.option("--model", metavar="NAME", help="Network; short for -t model=NAME.")
@encoder_option
@click.option(
    "-t",
    "--task-option",
    "task_option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the task.",
)
@click.option("--image-size", metavar="N|HxW", help="Size in pixels to resize images to.")
@click.option("--channels", type=click.Choice(["1", "3"]), help="1 for gray, 3 for color.")
@click.option("--pixel-type", type=click.Choice(PIXEL_TYPES), help="Type in which images are kept.")
@click.option("--value-range", metavar="LOW,HIGH", help="Values that become black and white.")
@click.option("--seed", type=int, help="Seed of all random choices.")
@device_option
@quiet_option
@json_option
def command(
    directory: str, campaign: str | None, device: str, quiet: bool, as_json: bool, **given: Any
) -> None:
    """Make a campaign in DIR with the images, classes and answers of another one, for another model or size.

    What is not named is as in the first campaign, which is only read. Images keep their indices, so lists and
    exports of the first campaign can be ingested into the second one. Queries and trainings are not taken
    over.
    """
    from alkit.campaign.fork import fork  # noqa: PLC0415  # numpy is slow to import

    progress = NullProgress() if quiet else Terminal()
    with (
        open_campaign(campaign, quiet=True) as first,
        fork(directory, first, device=device, progress=progress, **_differing(first, given)) as made,
    ):
        status = made.status()
        before, further = len(first.pool.labeled), next_step(made)
    if as_json:
        print_json(status)
        return
    click.echo(f"campaign       {directory}")
    click.echo(
        f"taken over     {counted(status['images'], 'image')}, "
        f"{counted(len(status['classes']), 'class', 'classes')}, "
        f"{status['labeled']:,} of {before:,} labeled images"
    )
    click.echo(f"next           {further}")


def _differing(first: Campaign, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the spec that the options name; an encoder keeps the kind of task."""
    if given["encoder"] and not given["task"] and first.settings.task.name != DEFAULT_TASK:
        given = {**given, "task": first.settings.task.name}
    named = spec_from("", given)
    flags = {name: FLAGS.get(name, (name,)) for name in NAMED}
    details = {
        name: getattr(named, name) for name in NAMED if any(given[flag] is not None for flag in flags[name])
    }
    options = {"task_options": named.task_options, "strategy_options": parse_pairs(given["option"])}
    return details | {name: values for name, values in options.items() if values}
