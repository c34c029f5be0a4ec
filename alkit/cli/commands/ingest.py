"""`alkit ingest`: take answers back."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alkit.campaign.record.aggregation import RULES
from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import InvalidAnswers, UsageError

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.reconcile import IngestReport
    from alkit.interfaces.format import Reply


EXAMPLES = """\b
Examples:
  alkit ingest queries/001.csv
  alkit ingest answers.csv --annotator ada --campaign birds
  alkit ingest project-1-export.json --dry-run
  alkit ingest --oracle dataset
"""
SHOWN = 20


@click.command("ingest", epilog=EXAMPLES)
@click.argument("file", required=False, metavar="[FILE]")
@campaign_option
@click.option("-f", "--format", "name", metavar="NAME", help="What FILE is.  [as it looks]")
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the format; see 'alkit plugins NAME'.",
)
@click.option("--annotator", default="", metavar="NAME", help="Who answered, where FILE does not say.")
@click.option("--allow-new-classes", is_flag=True, help="Labels that are no class yet become classes.")
@click.option("--strict", is_flag=True, help="Keep nothing if any line is rejected.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of FILE; keep nothing.")
@click.option(
    "--aggregate",
    type=click.Choice(RULES),
    help="From now on, how answers of several annotators to one image become one.",
)
@click.option("--oracle", metavar="NAME", help="Let an oracle answer the open query: dataset, file.")
@click.option("--oracle-option", multiple=True, metavar="KEY=VALUE", help="An option of the oracle.")
@quiet_option
@json_option
def command(
    file: str | None,
    campaign: str | None,
    name: str | None,
    option: tuple[str, ...],
    annotator: str,
    allow_new_classes: bool,
    strict: bool,
    dry_run: bool,
    aggregate: str | None,
    oracle: str | None,
    oracle_option: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Take the answers in FILE: CSV with the columns image,label, or what 'alkit export' wrote, filled in.

    In CSV, images are known by path, index or hash, and annotator, time and cost may stand beside the label.
    The label 'abstain' means that it cannot be told, 'unusable' that the image is no good; an empty label is
    a line not answered yet. A different answer to the same image is kept as a correction, with its history.
    """
    from alkit.campaign.ingest import find_format
    from alkit.campaign.record.reconcile import IngestReport
    from alkit.options import parse_pairs

    if (file and oracle) or not (file or oracle or aggregate):
        raise UsageError("give a file of answers, or --oracle NAME")
    if file is None and (dry_run or name or option or strict or annotator or allow_new_classes):
        raise UsageError(
            "--dry-run, --format, --option, --strict, --annotator and --allow-new-classes are for files only"
        )
    with open_campaign(campaign, quiet=quiet) as opened:
        if file is not None:
            format = find_format(Path(file), name, parse_pairs(option))
            take(
                opened,
                format.read(Path(file)),
                named=file,
                unit=format.unit,
                as_json=as_json,
                annotator=annotator,
                strict=strict,
                allow_new_classes=allow_new_classes,
                said_before=format.timed,
                dry_run=dry_run,
            )
        elif oracle is not None:
            asked = opened.oracle(oracle, parse_pairs(oracle_option))
            assert asked is not None
            _report(opened, opened.consult(asked), as_json=as_json)
        if aggregate is not None and not dry_run:  # last: a command that fails changes nothing
            opened.aggregate_by(aggregate)
        if file is None and oracle is None:
            _report(opened, IngestReport(), as_json=as_json)


def take(
    campaign: Campaign, reply: Reply, *, named: str, unit: str, as_json: bool, annotator: str = "", **how: Any
) -> None:
    """Take what came back from people who label, and say what became of it.

    Args:
        campaign: whose answers they are.
        reply: as a format has read it.
        named: what to call the file, here and on record.
        unit: what to call a line of it.
        as_json: how to say it.
        annotator: who answered, where the reply does not say.
        how: the other arguments of `Campaign.tell`.

    Raises:
        InvalidAnswers: nothing fits, or not everything does and `strict` is set.
    """
    from alkit.campaign.ingest import match

    matched = match(reply, campaign.state.records, named)
    answers = [
        dataclasses.replace(given, annotator=given.annotator or annotator) for given in matched.answers
    ]
    if how.get("strict") and matched.rejected:
        answers = []
    receipt = campaign.tell(answers, note={"file": named}, **how)
    _report(campaign, receipt, matched, unit=unit, as_json=as_json, **how)


def _report(
    campaign: Campaign,
    receipt: IngestReport,
    reply: Reply | None = None,
    *,
    as_json: bool,
    unit: str = "line",
    strict: bool = False,
    dry_run: bool = False,
    **_: Any,
) -> None:
    unread, blank = (reply.rejected, reply.blank) if reply else ([], 0)
    rejected = sorted([*unread, *receipt.rejected])
    if as_json:
        shown = [entry.as_dict() for entry in rejected]
        print_json({**receipt.as_dict(), "rejected": shown, "blank": blank, "dry_run": dry_run})
    else:
        click.echo(
            f"{receipt.accepted} answers {'would be ' * dry_run}accepted ({receipt.corrected} corrections, "
            f"{receipt.unasked} not asked), {receipt.unchanged} known already, {len(rejected)} rejected, "
            f"{blank} blank"
        )
        if receipt.new_classes:
            click.echo(f"new classes    {', '.join(receipt.new_classes)}")
        if dry_run:
            click.echo("dry run        nothing is kept")
        elif receipt.still_open:
            click.echo(f"still open     {receipt.still_open} images")
        elif receipt.accepted or receipt.unchanged:
            directory = shlex.quote(str(campaign.directory))
            click.echo(f"next           alkit query --campaign {directory} --budget N")
    for entry in rejected[:SHOWN]:
        click.echo(f"{unit} {entry.line}: {entry.reason}", err=True)
    if len(rejected) > SHOWN:
        click.echo(f"... and {len(rejected) - SHOWN} more {unit}s", err=True)
    if rejected and (strict or not (receipt.accepted or receipt.unchanged)):
        raise InvalidAnswers(f"nothing was taken in; mend the {unit}s above and ingest the file again")
