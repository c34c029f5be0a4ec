"""`alkit ingest`: take answers back."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..errors import InvalidAnswers, UsageError
from .common import campaign_option, json_option, open_campaign, print_json, quiet_option

EXAMPLES = """\b
Examples:
  alkit ingest queries/001.csv
  alkit ingest answers.csv --annotator ada --campaign birds
  alkit ingest --oracle dataset
"""
SHOWN = 20


@click.command("ingest", epilog=EXAMPLES)
@click.argument("file", required=False, metavar="[FILE]")
@campaign_option
@click.option("--annotator", default="", metavar="NAME", help="Who answered, where FILE does not say.")
@click.option("--allow-new-classes", is_flag=True, help="Labels that are no class yet become classes.")
@click.option("--strict", is_flag=True, help="Keep nothing if any line is rejected.")
@click.option("--oracle", metavar="NAME", help="Let an oracle answer the open query: dataset, file.")
@click.option("--oracle-option", multiple=True, metavar="KEY=VALUE", help="An option of the oracle.")
@quiet_option
@json_option
def command(
    file: str | None,
    campaign: str | None,
    annotator: str,
    allow_new_classes: bool,
    strict: bool,
    oracle: str | None,
    oracle_option: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Take the answers in FILE: CSV with the columns image,label and, if you like, annotator, time, cost.

    Images are known by path, index or hash. The label 'abstain' means that it cannot be told, 'unusable' that
    the image is no good; an empty label is a line not answered yet. A different answer to the same image is
    kept as a correction, with its history.
    """
    from ..labeling.tables import read_answers
    from ..options import parse_pairs

    if (file is None) == (oracle is None):
        raise UsageError("give a file of answers, or --oracle NAME")
    blank, unread = 0, list[tuple[int, str]]()
    with open_campaign(campaign, quiet=quiet) as opened:
        if file is not None:
            answers, unread, blank = read_answers(Path(file), annotator=annotator)
            if strict and unread:
                answers = []
            receipt = opened.tell(
                answers, strict=strict, allow_new_classes=allow_new_classes, note={"file": file}
            )
        else:
            asked = opened.oracle(oracle, parse_pairs(oracle_option))
            assert asked is not None
            receipt = opened.consult(asked)
        rejected = sorted([*unread, *receipt.rejected])
        still_open = len(opened.pool.pending)
        if as_json:
            shown = [{"line": line, "reason": reason} for line, reason in rejected]
            print_json({**receipt.as_dict(), "rejected": shown, "blank": blank, "still_open": still_open})
        else:
            click.echo(
                f"{receipt.accepted} answers accepted ({receipt.corrected} corrections, {receipt.unasked} "
                f"not asked), {receipt.unchanged} known already, {len(rejected)} rejected, {blank} blank"
            )
            if receipt.new_classes:
                click.echo(f"new classes    {', '.join(receipt.new_classes)}")
            directory = shlex.quote(str(opened.directory))
            if still_open:
                click.echo(f"still open     {still_open} images")
            elif receipt.accepted or receipt.unchanged:
                click.echo(f"next           alkit query --campaign {directory} --budget N")
    for line, reason in rejected[:SHOWN]:
        click.echo(f"line {line}: {reason}", err=True)
    if len(rejected) > SHOWN:
        click.echo(f"... and {len(rejected) - SHOWN} more lines", err=True)
    if rejected and (strict or not (receipt.accepted or receipt.unchanged)):
        raise InvalidAnswers("nothing was taken in; mend the lines above and ingest the file again")
