"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from alkit.data.pixel_types import PIXEL_TYPES
from alkit.errors import UsageError
from alkit.options import parse_pairs

from .output import keep_for_json

F = TypeVar("F", bound=Callable[..., Any])


class NumberRange(click.FloatRange):
    """A number within bounds; `nan`, which no bound keeps out, is not a number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def campaign_option(function: F) -> F:
    """Add `--campaign`."""
    return click.option(
        "-c",
        "--campaign",
        metavar="DIR",
        help="Directory of the campaign.  [default: this directory, or NAME-campaign with --pool]",
    )(function)


def device_option(function: F) -> F:
    """Add `--device`."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="Device to compute on: cpu, cuda, cuda:1 or auto.",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, callback=keep_for_json, help="Print the result as JSON."
    )(function)


def group_options(function: F) -> F:
    """Add `--campaign` and `--json` to a command whose subcommands inherit them."""

    @click.pass_context
    @functools.wraps(function)
    def remembering(context: click.Context, *, campaign: str | None, as_json: bool) -> None:
        context.obj = (campaign, as_json)
        function(context, campaign=campaign, as_json=as_json)

    return campaign_option(json_option(cast("F", remembering)))


def inherits_options(function: F) -> F:
    """Let `--campaign` and `--json` of a subcommand also stand before it."""

    @click.pass_context
    @functools.wraps(function)
    def inheriting(context: click.Context, /, *, campaign: str | None, as_json: bool, **given: Any) -> None:
        before, json_before = context.obj
        function(campaign=campaign or before, as_json=as_json or json_before, **given)

    return cast("F", inheriting)


def subcommand_options(function: F) -> F:
    """Add `--campaign` and `--json`, which may also stand before the subcommand."""
    return campaign_option(json_option(inherits_options(function)))


def quiet_option(function: F) -> F:
    """Add `--quiet`."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(function)


def strategy_options(function: F) -> F:
    """Add `--strategy` and `-o`."""
    function = click.option(
        "-o",
        "--option",
        "option",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set an option of the strategy; 'alkit strategies NAME' lists them. Repeatable.",
    )(function)
    return click.option(
        "-s",
        "--strategy",
        metavar="NAME",
        help="Strategy that chooses: a name from 'alkit strategies', a composition such as "
        '"entropy(2000) > coreset", or FILE.py:CLASS (runs the code in the file).  '
        "[default: the campaign's; in a new one uherding for classes, or what files of yours can "
        "serve]",
    )(function)


def seed_options(function: F) -> F:
    """Add the options of the seed query."""
    function = click.option(
        "--seed-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images in the seed query if an oracle answers it.  [default: the budget]",
    )(function)
    return click.option(
        "--seed-strategy",
        default="random",
        show_default=True,
        metavar="NAME",
        help="Strategy of the seed query, which comes first when no image is labeled.",
    )(function)


def given_options(function: F) -> F:
    """Add the options of a query from files."""
    for option in reversed(
        [
            click.option(
                "--embeddings",
                metavar="FILE",
                help="Embeddings of your own model, to choose from without training: .npy, .npz, .csv, "
                ".jsonl or .parquet. Rows are found by the image's name, or else taken in the order of the "
                "pool.",
            ),
            click.option(
                "--predictions",
                metavar="FILE",
                help="Probabilities of all classes by your own model, to choose from without training: the "
                "same kinds of files, or a detector's boxes: COCO's results (.json), a folder of YOLO's text "
                "files, or .jsonl.",
            ),
            click.option("--logits", is_flag=True, help="The predictions are logits, not probabilities."),
            click.option(
                "--prediction-classes",
                metavar="A,B,...",
                help="Classes of the columns of --predictions, where the file does not name them.",
            ),
            click.option(
                "--partial", is_flag=True, help="Choose only among the images that the files have rows for."
            ),
        ]
    ):
        function = option(function)
    return function


def columns_option(named: str) -> Callable[[F], F]:
    """Return the option that says which column of a table is which."""
    return click.option(
        "--columns",
        metavar="image=NAME,label=NAME",
        help=f"Columns of {named}, if their names do not say which is which.",
    )


def executor_options(purpose: str, default: str | None = None) -> Callable[[F], F]:
    """Return the options that say where jobs run.

    Args:
        purpose: what is run, as a subject and its verb.
        default: the executor where none is named.
    """

    def decorated(function: F) -> F:
        for option in reversed(
            [
                click.option(
                    "--executor",
                    default=default,
                    show_default=default is not None,
                    metavar="NAME",
                    help=f"Where {purpose}: local (this process), processes (of this machine), dask (a "
                    "cluster), or another plugin from 'alkit plugins'."
                    + ("" if default else "  [default: this process]"),
                ),
                click.option(
                    "-j",
                    "--workers",
                    type=click.IntRange(min=1),
                    metavar="N",
                    help="Jobs that the executor runs at once.  [default: one per core]",
                ),
                click.option(
                    "--scheduler",
                    metavar="ADDRESS",
                    help="Address of a cluster, as in tcp://head:8786.  [default: dask starts one on this "
                    "machine]",
                ),
                click.option(
                    "--executor-option",
                    multiple=True,
                    metavar="KEY=VALUE",
                    help="Set an option of the executor; 'alkit plugins NAME' lists them. Repeatable.",
                ),
            ]
        ):
            function = option(function)
        return function

    return decorated


def executor_options_given(
    executor: str | None, workers: int | None, scheduler: str | None, options: tuple[str, ...]
) -> dict[str, Any]:
    """Return the options of an executor that a command line gives.

    Raises:
        UsageError: there are some, but no executor.
    """
    short = {"workers": workers, "scheduler": scheduler}
    given = {name: value for name, value in short.items() if value is not None} | parse_pairs(options)
    if given and executor is None:
        raise UsageError("--workers and --scheduler are options of an executor; name one with --executor")
    return given


encoder_option = click.option(
    "--encoder",
    metavar="NAME",
    help="Pretrained network that stays frozen; short for --task encoded (or "
    "encoded-multi-label, segmentation, ...) -t encoder=NAME: "
    "efficientnet-lite0, torchvision/NAME, timm/NAME, open_clip/MODEL/TAG, "
    "transformers/OWNER/NAME or file:PATH.py:FUNCTION.",
)


def creation_options(function: F) -> F:
    """Add the options of a new campaign."""
    for option in reversed(
        [
            click.option(
                "--root",
                metavar="DIR",
                help="Folder of a torchvision data set, or of copies of remote images.",
            ),
            click.option(
                "--download",
                is_flag=True,
                help="Let a data set be downloaded to --root, or pretrained weights.",
            ),
            click.option("--labels", metavar="FILE", help="CSV file of known labels: image,label."),
            columns_option("--labels"),
            click.option(
                "--classes", metavar="A,B,...", help="Class names; quote a name that contains a comma."
            ),
            click.option("--test", metavar="POOL", help="Labeled images to test the model on."),
            click.option("--task", metavar="NAME", help="Task plugin.  [default: classification]"),
            click.option(
                "--model",
                metavar="NAME",
                help="Network; short for -t model=NAME.  [default: depends on image size and device]",
            ),
            encoder_option,
            click.option(
                "-t",
                "--task-option",
                "task_option",
                multiple=True,
                metavar="KEY=VALUE",
                help="Set an option of the task; 'alkit plugins classification' lists them. Repeatable.",
            ),
            click.option(
                "--oracle", metavar="NAME", help="Oracle that answers in place of people: dataset or file."
            ),
            click.option(
                "--oracle-option",
                multiple=True,
                metavar="KEY=VALUE",
                help="Set an option of the oracle. Repeatable.",
            ),
            click.option(
                "--image-size",
                metavar="N|HxW",
                help="Size in pixels to resize images to.  [default: from the images]",
            ),
            click.option(
                "--channels",
                type=click.Choice(["1", "3"]),
                help="Make images gray (1) or color (3).  [default: from the images]",
            ),
            click.option(
                "--pixel-type",
                type=click.Choice(PIXEL_TYPES),
                help="Type in which images are kept.  [default: the one that loses nothing]",
            ),
            click.option(
                "--value-range",
                metavar="LOW,HIGH",
                help="Values that become black and white, where images are not 8-bit.  [default: from the "
                "images]",
            ),
            click.option("--seed", type=int, help="Seed of all random choices.  [default: 0]"),
        ]
    ):
        function = option(function)
    return function
