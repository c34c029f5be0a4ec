"""`alkit train`: train the model on all labels and test it."""

from __future__ import annotations

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option, strategy_options
from alkit.cli.output import print_facts, print_json
from alkit.errors import UsageError
from alkit.options import parse_pairs
from alkit.reporting.wording import metric_name

EXAMPLES = """\b
Examples:
  alkit train
  alkit train --campaign birds --json
  alkit train --campaign birds --strategy learning-loss
  torchrun --standalone --nproc-per-node=2 -m alkit train --campaign birds
"""


@click.command("train", short_help="Train the model on all labels, and test it.", epilog=EXAMPLES)
@strategy_options
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    strategy: str | None,
    option: tuple[str, ...],
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train the task model on all labels, and test it on the test images.

    Where a strategy is named, its companion is trained along, as 'alkit query' does with the same strategy.
    """
    if option and strategy is None:
        raise UsageError("-o sets an option of a strategy; name it with --strategy")
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        chosen = None if strategy is None else opened.resources.strategy(strategy, parse_pairs(option))
        record = opened.train(None if chosen is None else chosen.strategy)
        path = opened.directory / str(record.trained.checkpoint)
    if as_json:
        print_json(record.as_dict())
        return
    tested = [(f"test {metric_name(name)}", f"{value:.4f}") for name, value in record.metrics.items()]
    print_facts(
        [
            ("trained", f"on {record.trained.in_words}" + (" (already done)" if record.reused else "")),
            *(tested or [("test", "no test images; name some with 'alkit update --test'")]),
            ("checkpoint", str(path)),
        ]
    )
