"""`alkit query`: choose the images to label next."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Any

import click

from alkit.campaign.given.refusals import check_given, default_strategy
from alkit.cli.opening import open_or_create, parse_columns_of_classes
from alkit.cli.options import (
    NumberRange,
    campaign_option,
    creation_options,
    device_option,
    executor_options,
    executor_options_given,
    given_options,
    json_option,
    quiet_option,
    seed_options,
)
from alkit.cli.options import strategy_options as strategy_flags
from alkit.cli.output import print_json
from alkit.composition.factory import resolve
from alkit.data.sources import VECTORS
from alkit.options import parse_pairs
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.given.files import GivenFiles
    from alkit.campaign.record.query import Query

BY_KEYS = ("class", "classes", "number")
"""Kinds of labels that the labeling page takes; others are drawn in other tools."""
EXAMPLES = """\b
Examples:
  alkit query --strategy ta-vaal --pool digits --budget 50
  alkit query --strategy entropy --pool photos/ --labels known.csv --budget 100
  alkit query --campaign birds --strategy learning-loss -o loss=ranking --budget 100
  alkit query --campaign birds --strategy disputed --budget 20
  alkit query --campaign birds --budget 100 --avoid-unusable
  alkit query --pool photos/ --embeddings emb.npy --strategy typiclust --budget 100
  alkit query --campaign birds --predictions new.csv --strategy margin --budget 100
  alkit query --campaign birds --embeddings out.npz --predictions out.npz --strategy badge --budget 100
  alkit query --campaign birds --budget 100 --executor processes --workers 4
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
@click.option(
    "--avoid-unusable",
    is_flag=True,
    help="Ask for fewer images that people probably cannot label, as learned from answers 'unusable' and "
    "'abstain'. Not with random.",
)
@given_options
@click.option(
    "--scores", metavar="DIR", help="Folder with the scores of 'alkit score'; what is missing is added."
)
@executor_options("the pool is scored")
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
    avoid_unusable: bool,
    embeddings: str | None,
    predictions: str | None,
    logits: bool,
    prediction_classes: str | None,
    partial: bool,
    scores: str | None,
    executor: str | None,
    workers: int | None,
    scheduler: str | None,
    executor_option: tuple[str, ...],
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

    With --embeddings or --predictions, nothing is trained: the strategy chooses from what your own model says
    about the images, and every query may bring new files.
    """
    of_executor = executor_options_given(executor, workers, scheduler, executor_option)
    from alkit.campaign.given.files import made_from, read_files  # noqa: PLC0415  # numpy is slow to import

    files = read_files(
        embeddings,
        predictions,
        logits=logits,
        classes=parse_columns_of_classes(prediction_classes or ""),
        partial=partial,
    )
    provides = _provided(pool, files)
    if strategy is not None and provides and pool is not None:  # before a campaign is made
        check_given(resolve(strategy, parse_pairs(option)).strategy, provides)
    default = default_strategy(provides) if provides else None
    given.update(strategy=strategy, option=option, budget=budget, default_strategy=default)
    opening = open_or_create(campaign, pool, device=device, quiet=quiet, given=given)
    with opening.campaign as opened:
        with contextlib.nullcontext() if files is None else opening.undone_if_refused():
            query = opened.ask(
                budget,
                strategy=opening.strategy,
                options=opening.options,
                new=new,
                seed_strategy=seed_strategy,
                seed_size=seed_size,
                avoid_unusable=avoid_unusable,
                control=control,
                embeddings=None if files is None else files.embeddings,
                predictions=None if files is None else files.predictions,
                partial=partial,
                scores=scores,
                executor=executor,
                executor_options=of_executor,
            )
        unused = query.reused and budget != len(query.picks)
        if unused:
            click.echo(
                f"--budget {budget} is not used: query {query.number} was made with "
                f"{counted(len(query.picks), 'image')} and is still open; answer it first, or withdraw it "
                "with --new",
                err=True,
            )
        if query.reused and files is not None and not made_from(query.asked.given, files):
            click.echo(
                f"the files are not used: query {query.number} was made from others or none, and is still "
                "open; answer it first, or withdraw it with --new",
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


def _provided(pool: str | None, files: GivenFiles | None) -> frozenset[str]:
    """Return what files bring, and the pool if it is of vectors, in the words of `Strategy.needs`."""
    from alkit.plugin.sources import open_source  # noqa: PLC0415  # numpy is slow to import

    found: frozenset[str] = frozenset() if files is None else files.provides
    may_be = pool is not None and (pool.startswith(VECTORS) or pool.lower().endswith((".npy", ".npz")))
    if pool is not None and may_be and not open_source(pool).has_pixels:
        found |= {"embedding"}
    return found


def _print(campaign: Campaign, query: Query, strategy: str | None, budget: int) -> None:
    if query.reused:
        left = len(query.unanswered)
        click.echo(
            f"query {query.number} is still open: {left} of {len(query.picks)} images by "
            f"'{query.strategy}' are not answered (--new withdraws the query)"
        )
    else:
        control = f", {query.controls} of them drawn at random as a control" if query.controls else ""
        audits = len(query.asked.audits)
        audited = (
            f", {counted(audits, 'near-duplicate that checks', 'near-duplicates that check')} copied labels"
            if audits
            else ""
        )
        click.echo(
            f"query {query.number}: {counted(len(query.picks), 'image')} chosen by "
            f"'{query.strategy}'{control}{audited}"
        )
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
        known = bool(campaign.classes) or campaign.settings.labels == "number"
        more, fill = "" if known else " --allow-new-classes", "next           fill"
        if known and campaign.settings.labels in BY_KEYS:
            click.echo(f"next           answer in the browser: alkit label --campaign {directory}")
            fill = "               or fill"
        click.echo(f"{fill} in the column 'label' in {table.name}, then run")
        click.echo(f"               alkit ingest --campaign {directory} {shlex.quote(str(table))}{more}")
