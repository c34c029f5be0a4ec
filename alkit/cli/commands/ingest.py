"""`alkit ingest`: take in answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alkit.campaign.ingest import check_understood, find_format, read_reply
from alkit.campaign.next_step import next_step
from alkit.campaign.record.aggregation import RULES
from alkit.campaign.record.reconcile import IngestReport
from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, columns_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import InvalidAnswers, UsageError
from alkit.options import parse_pairs
from alkit.utils.counts import counted
from alkit.utils.files import check_regular

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.changes.undo import UndoReport
    from alkit.campaign.record.reconcile import IngestReport
    from alkit.interfaces.format import Format, Reply


EXAMPLES = """\b
Examples:
  alkit ingest queries/001.csv
  alkit ingest answers.csv --annotator ada --campaign birds
  alkit ingest project-1-export.json --dry-run
  alkit ingest --undo
  alkit ingest --unlabel cats/017.jpg
  alkit ingest --oracle dataset
"""
SHOWN = 20


@click.command("ingest", short_help="Take in answers.", epilog=EXAMPLES)
@click.argument("file", required=False, metavar="[FILE]")
@campaign_option
@click.option(
    "-f", "--format", "name", metavar="NAME", help="Format of FILE.  [default: recognized from FILE]"
)
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the format; 'alkit plugins NAME' lists them. Repeatable.",
)
@columns_option("FILE")
@click.option("--undo", is_flag=True, help="Take back what the last ingest took in: of FILE, or of any file.")
@click.option(
    "--unlabel", metavar="IMAGE", help="Take back all answers to an image, or those of --annotator."
)
@click.option("--annotator", default="", metavar="NAME", help="Who answered, if FILE does not say.")
@click.option("--allow-new-classes", is_flag=True, help="Add labels that are not classes yet as new classes.")
@click.option("--strict", is_flag=True, help="Keep nothing if any line is rejected.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; keep nothing.")
@click.option(
    "--aggregate",
    type=click.Choice(RULES),
    help="From now on, combine the answers of several annotators to one image by this rule.",
)
@click.option("--oracle", metavar="NAME", help="Oracle that answers the open query: dataset or file.")
@click.option(
    "--oracle-option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the oracle. Repeatable.",
)
@quiet_option
@json_option
def command(
    file: str | None,
    campaign: str | None,
    name: str | None,
    option: tuple[str, ...],
    columns: str | None,
    undo: bool,
    unlabel: str | None,
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
    """Take in the answers in FILE: a CSV file with the columns image,label, or an answered 'alkit export'.

    A CSV file names images by path, file name or hash, or by a column 'index'; it may also have the columns
    annotator, time and cost. The
    label 'abstain' means that the annotator cannot tell, 'unusable' that the image cannot be labeled. A line
    with an empty label is not answered yet. A new answer to the same image is kept as a correction, and the
    old one stays in the history.

    --undo and --unlabel take answers back, so that the images are unlabeled again.
    """
    if undo or unlabel is not None:
        others = (name, option, columns, allow_new_classes, strict, aggregate, oracle, oracle_option)
        if any(others) or (undo and (unlabel is not None or annotator)) or (file and not undo):
            raise UsageError(
                "--undo goes with FILE and --dry-run only, and --unlabel with --annotator and --dry-run"
            )
        with open_campaign(campaign, quiet=quiet) as opened:
            undone = (
                opened.undo_ingest(file, dry_run=dry_run)
                if unlabel is None
                else opened.unlabel(unlabel, annotator=annotator, dry_run=dry_run)
            )
        _report_undo(undone, as_json=as_json)
        return
    if (file and oracle) or not (file or oracle or aggregate):
        raise UsageError("name either a file of answers or --oracle NAME")
    if file is None and (dry_run or name or option or columns or strict or annotator or allow_new_classes):
        raise UsageError(
            "--dry-run, --format, --option, --columns, --strict, --annotator and --allow-new-classes need a "
            "file of answers; name one"
        )
    with open_campaign(campaign, quiet=quiet) as opened:
        if file is not None:
            check_answers(Path(file))
            format = _format(Path(file), name, option, columns, opened.settings.labels)
            reply = read_reply(format, Path(file))
            check_understood(reply, file)
            take(
                opened,
                reply,
                named=file,
                unit=format.unit,
                as_json=as_json,
                annotator=annotator,
                strict=strict,
                allow_new_classes=allow_new_classes,
                said_before=format.timed,
                dry_run=dry_run,
                folders=[Path(file).absolute().parent],
            )
        elif oracle is not None:
            asked = opened.oracle(oracle, parse_pairs(oracle_option))
            assert asked is not None
            _report(opened, opened.consult(asked), oracle=asked.name, as_json=as_json)
        if aggregate is not None and not dry_run:  # last: a command that fails changes nothing
            opened.aggregate_by(aggregate)
        if file is None and oracle is None and as_json:
            _report(opened, IngestReport(), as_json=True)
        elif aggregate is not None and not as_json:
            disputed = counted(len(opened.disputes), "image")
            click.echo(f"annotators     {opened.state.aggregate}; {disputed} in dispute")


def check_answers(path: Path) -> None:
    """Refuse a pipe or device: formats are recognized by reading a file more than once.

    Raises:
        InvalidAnswers: it is one, or there is no such file.
    """
    if path.is_dir():
        return  # a format may read folders
    try:
        check_regular(path)
    except FileNotFoundError:
        raise InvalidAnswers(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise InvalidAnswers(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def take(
    campaign: Campaign, reply: Reply, *, named: str, unit: str, as_json: bool, annotator: str = "", **how: Any
) -> None:
    """Take in a reply from people who label, and print what became of it.

    Args:
        campaign: the campaign that asked.
        reply: the answers, as a format read them.
        named: name of the file, for messages and the record.
        unit: name of one line of the file.
        as_json: print JSON.
        annotator: who answered, if the reply does not say.
        how: the other arguments of `Campaign.tell`.

    Raises:
        InvalidAnswers: no answer fits, or with `strict` some do not.
    """
    answers = [dataclasses.replace(given, annotator=given.annotator or annotator) for given in reply.answers]
    if how.get("strict") and reply.rejected:
        answers = []
    for note in reply.notes:
        click.echo(f"{named}: {note}", err=True)
    receipt = campaign.tell(answers, note={"file": named}, **how)
    if answers and all(given.hash for given in answers) and _all_unknown(receipt):
        raise InvalidAnswers(
            f"{named} is about images that differ from those of this campaign; ingest it into the "
            "campaign that exported it, or export the query again"
        )
    _report(campaign, receipt, reply, unit=unit, as_json=as_json, **how)


def _report_undo(undone: UndoReport, *, as_json: bool) -> None:
    if as_json:
        print_json(undone.as_dict())
        return
    would = "would be " * undone.dry_run
    click.echo(
        f"{counted(undone.answers, 'answer')} {would}taken back ({undone.what}); they stay in the history"
    )
    click.echo(f"unlabeled      {undone.unlabeled:,} of {counted(undone.images, 'image')} (no other label)")


def _format(path: Path, name: str | None, option: Sequence[str], columns: str | None, kind: str) -> Format:
    """Return the format of a file; columns are an option of tables."""
    if columns is None:
        return find_format(path, name, parse_pairs(option), kind=kind)
    if name not in (None, "csv", "jsonl"):
        raise UsageError(f"--columns is for tables (csv, jsonl), not for {name}; leave it out")
    return find_format(path, name or "csv", {**parse_pairs(option), "columns": columns}, kind=kind)


def _all_unknown(receipt: IngestReport) -> bool:
    known = receipt.accepted or receipt.unchanged or receipt.blank
    return not known and all(entry.kind == "unknown-image" for entry in receipt.rejected)


def _report(
    campaign: Campaign,
    receipt: IngestReport,
    reply: Reply | None = None,
    *,
    as_json: bool,
    unit: str = "line",
    oracle: str = "",
    strict: bool = False,
    dry_run: bool = False,
    **_: Any,
) -> None:
    unread, blank = (reply.rejected, reply.blank + receipt.blank) if reply else ([], receipt.blank)
    rejected = sorted([*unread, *receipt.rejected])
    if as_json:
        shown = [entry.as_dict() for entry in rejected]
        print_json({**receipt.as_dict(), "rejected": shown, "blank": blank, "dry_run": dry_run})
    else:
        click.echo(
            f"{counted(receipt.accepted, 'answer')} {'would be ' * dry_run}accepted "
            f"({counted(receipt.corrected, 'correction')}, {receipt.unasked:,} not asked), "
            f"{receipt.unchanged:,} known already, {len(rejected):,} rejected, {blank:,} blank"
        )
        if receipt.new_classes:
            click.echo(f"new classes    {', '.join(receipt.new_classes)}")
        if dry_run:
            click.echo("dry run        nothing is kept")
        elif receipt.still_open:
            click.echo(f"still open     {counted(receipt.still_open, 'image')}")
        elif receipt.accepted or receipt.unchanged:
            click.echo(f"next           {next_step(campaign)}")
    for warning in receipt.warnings:
        click.echo(f"warning: {warning}", err=True)
    for entry in rejected[:SHOWN]:
        click.echo(f"{unit} {entry.line}: {entry.reason}" if entry.line else entry.reason, err=True)
    if len(rejected) > SHOWN:
        click.echo(f"... and {counted(len(rejected) - SHOWN, f'more {unit}')}", err=True)
    if rejected and (strict or not (receipt.accepted or receipt.unchanged)):
        again = f"check the options of oracle '{oracle}'" if oracle else "ingest the file again"
        what = "answers" if oracle else f"{unit}s"
        raise InvalidAnswers(f"no answer was taken in; fix the {what} above and {again}")
