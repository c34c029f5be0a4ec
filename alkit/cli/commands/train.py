"""`alkit train`: train the model on all labels and test it."""

from __future__ import annotations

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_json

EXAMPLES = """\b
Examples:
  alkit train
  alkit train --campaign birds --json
"""


@click.command("train", short_help="Train the model on all labels, and test it.", epilog=EXAMPLES)
@campaign_option
@device_option
@quiet_option
@json_option
def command(campaign: str | None, device: str, quiet: bool, as_json: bool) -> None:
    """Train the task model on all labels, without a strategy's companion, and test it on the test images."""
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        record = opened.train()
        path = opened.directory / str(record.trained.checkpoint)
    if as_json:
        print_json(record.as_dict())
        return
    click.echo(f"trained        on {record.labels:,} labels" + (" (already done)" if record.reused else ""))
    for name, value in record.metrics.items():
        click.echo(f"{'test ' + name:<14} {value:.4f}")
    if not record.metrics:
        click.echo("test           no test images; name some with 'alkit update --test'")
    click.echo(f"checkpoint     {path}")
