"""Options and printing that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def campaign_option(function: F) -> F:
    """Add `--campaign`."""
    return click.option(
        "-c",
        "--campaign",
        metavar="DIR",
        help="The campaign's directory.  [default: this directory, or NAME-campaign with --pool]",
    )(function)


def device_option(function: F) -> F:
    """Add `--device`."""
    return click.option(
        "--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda, cuda:1, or auto."
    )(function)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def quiet_option(function: F) -> F:
    """Add `--quiet`."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress.")(function)


def strategy_options(function: F) -> F:
    """Add `--strategy` and `-o`."""
    function = click.option(
        "-o",
        "--option",
        "option",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the strategy; see 'alkit strategies NAME'.",
    )(function)
    return click.option(
        "-s",
        "--strategy",
        metavar="NAME",
        help="Who chooses: one of 'alkit strategies', a composition like \"entropy(2000) > coreset\", or "
        "FILE.py:CLASS, whose code is run.  [the campaign's; badge in a new one]",
    )(function)


def seed_options(function: F) -> F:
    """Add what decides on the seed query."""
    function = click.option(
        "--seed-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images of a seed query that an oracle answers.  [the budget]",
    )(function)
    return click.option(
        "--seed-strategy",
        default="random",
        show_default=True,
        metavar="NAME",
        help="Who chooses while nothing is labeled.",
    )(function)


def creation_options(function: F) -> F:
    """Add what decides on a new campaign."""
    for option in reversed(
        [
            click.option("--root", metavar="DIR", help="Where a torchvision data set lies."),
            click.option("--download", is_flag=True, help="Let torchvision download the data set to --root."),
            click.option("--labels", metavar="FILE", help="CSV of known labels: image,label."),
            click.option("--classes", metavar="A,B,...", help="Class names."),
            click.option("--test", metavar="POOL", help="Labeled images to judge the model on."),
            click.option("--task", metavar="NAME", help="The task model's plugin.  [classification]"),
            click.option(
                "--model", metavar="NAME", help="Short for -t model=NAME.  [by image size and device]"
            ),
            click.option(
                "-t",
                "--task-option",
                "task_option",
                multiple=True,
                metavar="KEY=VALUE",
                help="An option of the task; see 'alkit plugins classification'.",
            ),
            click.option("--oracle", metavar="NAME", help="Who answers by itself: dataset, file."),
            click.option(
                "--oracle-option", multiple=True, metavar="KEY=VALUE", help="An option of the oracle."
            ),
            click.option("--image-size", metavar="N|HxW", help="Pixels to resize to.  [from the images]"),
            click.option(
                "--channels", type=click.Choice(["1", "3"]), help="Grey or color.  [from the images]"
            ),
            click.option("--seed", type=int, help="Of all randomness.  [0]"),
        ]
    ):
        function = option(function)
    return function
