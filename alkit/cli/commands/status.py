"""`alkit status`: show the state of a campaign."""

from __future__ import annotations

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option
from alkit.cli.output import print_json, print_rows
from alkit.reporting.wording import metric_name
from alkit.utils.counts import counted

EXAMPLES = """\b
Examples:
  alkit status
  alkit status --campaign birds --images
  alkit status --json
"""


@click.command("status", short_help="Show the state of a campaign.", epilog=EXAMPLES)
@campaign_option
@click.option("--images", is_flag=True, help="List the images that cannot be used, and exact copies.")
@json_option
def command(campaign: str | None, images: bool, as_json: bool) -> None:
    """Show what is labeled, what is open, and how the model performed as labels were added."""
    from alkit.campaign.record.pool import aside_in_words  # noqa: PLC0415  # numpy is slow to import

    with open_campaign(campaign, quiet=True) as opened:
        status = opened.status()
        records = opened.state.records
        aside_records = [records[row.index] for row in records.set_aside] if images else []
        settings = opened.settings
        hint = opened.resources.missing()
    if as_json:
        listed = [
            {"index": r.index, "image": r.key, "unusable": r.unusable, "duplicate_of": r.duplicate_of}
            for r in aside_records
        ]
        print_json({**status, **({"out_of_reach": listed} if images else {})})
        return
    aside = ", ".join(aside_in_words(status["set_aside"]))
    click.echo(
        f"pool           {status['pool']}: {counted(status['images'], 'image')}"
        + (f" ({aside})" if aside else "")
    )
    if hint is not None:
        click.echo(f"warning        {hint}")
    chosen = [("task", settings.task), ("strategy", settings.strategy), ("oracle", settings.oracle)]
    for kind, choice in chosen:
        if choice is not None:
            options = "".join(f" {key}={value}" for key, value in choice.as_dict()["options"].items())
            click.echo(f"{kind:<14} {choice.name}{options}")
    copied = f", and {status['copied']:,} copied from near-duplicates" if status["copied"] else ""
    own = status["labeled"] - status["copied"]
    click.echo(f"labeled        {own:,}{copied}; {status['candidates']:,} left to choose from")
    if status["classes"]:
        click.echo(
            "classes        " + ", ".join(f"{name} {count}" for name, count in status["classes"].items())
        )
    if status["aggregate"] != "last" or status["disputed"]:
        click.echo(f"annotators     {status['aggregate']}; {counted(status['disputed'], 'image')} in dispute")
    query = status["open_query"]
    if query is not None:
        click.echo(
            f"open query     {query['query']} by '{query['strategy']}': {query['unanswered']} of "
            f"{query['asked']} images unanswered, {query['list']}"
        )
    if status["notes"]:
        noted = {note["index"] for note in status["notes"]}
        click.echo(f"notes          on {counted(len(noted), 'image')} (--json lists them)")
    if status["history"]:
        metric = next((name for training in status["history"] for name in training["metrics"]), "test")
        copies = any(training.get("copied") for training in status["history"])
        rows = [("cycle", "labels", *(["copies"] if copies else []), metric_name(metric), "train s")]
        for training in status["history"]:
            copied = training.get("copied", 0)
            metrics = training["metrics"]
            main = f"{next(iter(metrics.values())):.4f}" if metrics else "-"
            seconds = training["measures"].get("seconds", {}).get("train", 0.0)
            counts = [training["labels"] - copied, *([copied] if copies else [])]
            cells = [f"{count:,}" for count in counts]
            rows.append((str(training["cycle"]), *cells, main, f"{seconds:.1f}"))
        print_rows(rows)
    if status["stopped"] is not None:
        click.echo(f"stopped        by {status['stopped']['rule']}: {status['stopped']['reason']}")
    if images:
        for record in aside_records:
            reason = record.unusable
            if record.duplicate_of is not None:
                reason = f"exact copy of {records[record.duplicate_of].key!r}"
            click.echo(f"{record.index}  {record.key!r}: {reason}")
