"""`alkit predict`: let the campaign's model say the label of any images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import (
    campaign_option,
    device_option,
    executor_options,
    executor_options_given,
    json_option,
    quiet_option,
)
from alkit.cli.output import print_json
from alkit.reporting.wording import metric_name

if TYPE_CHECKING:
    from alkit.campaign.model.predict import PredictionFile
    from alkit.data.source import Source

SHOWN = 20  # unreadable images that are named one by one
EXAMPLES = """\b
Examples:
  alkit predict new-photos/ --out predictions.csv
  alkit predict --campaign birds list.txt --out predictions.jsonl --probabilities
  alkit predict street/ --out found.json --min-score 0.3
  alkit predict photos/ --out photos.csv --executor processes --workers 4
  find . -name '*.jpg' | alkit predict - --out predictions.parquet --batch-size 64
"""


@click.command("predict", short_help="Predict the labels of any images.", epilog=EXAMPLES)
@click.argument("images", metavar="FOLDER|LIST|MANIFEST")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="File to write: .csv, .jsonl, .parquet (which needs alkit[parquet]), or .json for boxes as in COCO.",
)
@click.option("--probabilities", is_flag=True, help="Write the probabilities of all classes, too.")
@click.option(
    "--min-score",
    type=click.FloatRange(min=0, max=1),
    default=0.05,
    show_default=True,
    help="Leave out boxes of a lower score.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images that the model sees at once.  [default: 256, or 64 with an encoder]",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@executor_options("images are predicted")
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    images: str,
    out: str,
    probabilities: bool,
    min_score: float,
    batch_size: int | None,
    force: bool,
    executor: str | None,
    workers: int | None,
    scheduler: str | None,
    executor_option: tuple[str, ...],
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Predict the label of every image (a class, a set, numbers, a mask or boxes), by the latest model.

    Give a folder, a text file with one path per line ('-' reads it from standard input), a CSV manifest
    with a column 'image', an array file, or a single image. They are preprocessed exactly as in training.
    If no model is trained yet, one is trained first. A command that was interrupted continues when it is
    repeated. Masks are PNG files in a folder beside the file, FILE-masks. Boxes are in pixels of the upright
    image, with class and score; a .json file holds them as COCO's results do. Images that cannot be read get
    a row with an empty label and the reason in column 'error'.
    """
    from alkit.campaign.model.predict import predict_to  # noqa: PLC0415  # numpy is slow to import
    from alkit.campaign.model.predict_elsewhere import elsewhere  # noqa: PLC0415  # numpy is slow to import

    of_executor = executor_options_given(executor, workers, scheduler, executor_option)
    blocks = None if executor is None else elsewhere(executor, of_executor, images, Path(out))
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        result = predict_to(
            opened,
            _source(images),
            Path(out),
            batch_size=batch_size,
            probabilities=probabilities,
            min_score=min_score,
            force=force,
            blocks=blocks,
        )
    _name_unreadable(result)
    if as_json:
        print_json(_summary(result))
        return
    trained = result.model.trained
    click.echo(f"predicted      {result.images - len(result.unreadable):,} of {result.images:,} images")
    click.echo(f"model          cycle {trained.cycle}, {trained.in_words}{_quality(trained.metrics)}")
    if result.model.kind == "boxes":
        found = sum(result.counts.values())
        click.echo(f"boxes          {found:,} with a score of {min_score:g} or more")
    for name, count in result.counts.most_common():
        click.echo(f"  {name:<12} {count:,}")
    if result.unreadable:
        click.echo(f"unreadable     {len(result.unreadable):,}")
    click.echo(f"written        {result.path}")


def _source(images: str) -> Source:
    from alkit.campaign.model.predict import open_images  # noqa: PLC0415  # numpy is slow to import

    if images != "-":
        return open_images(images)
    from alkit.data.sources.listed import Listed, lines_of  # noqa: PLC0415  # Pillow is slow to import

    return Listed(lines_of(sys.stdin.read()), location="standard input")


def _name_unreadable(result: PredictionFile) -> None:
    for path, reason in result.unreadable[:SHOWN]:
        click.echo(f"'{path}' cannot be read: {reason}", err=True)
    if len(result.unreadable) > SHOWN:
        more = len(result.unreadable) - SHOWN
        click.echo(f"and {more:,} more, in column 'error' of {result.path}", err=True)


def _quality(metrics: object) -> str:
    if not isinstance(metrics, dict) or not metrics:
        return ""
    name, value = next(iter(metrics.items()))
    return f", test {metric_name(name)} {value:.4f}"


def _summary(result: PredictionFile) -> dict[str, object]:
    trained = result.model.trained
    return {
        "out": str(result.path),
        "images": result.images,
        "predicted": result.images - len(result.unreadable),
        "resumed": result.resumed,
        "classes": {name: result.counts[name] for name in result.model.classes},
        "unreadable": [{"path": path, "error": error} for path, error in result.unreadable],
        "model": {
            "cycle": trained.cycle,
            **trained.counts(),
            "checkpoint": trained.checkpoint,
            "fingerprint": trained.fingerprint,
            "metrics": dict(trained.metrics),
        },
    }
