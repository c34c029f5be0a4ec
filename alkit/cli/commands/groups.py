"""`alkit groups`: make near-duplicates one question, and copy labels where an audit allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import (
    NumberRange,
    campaign_option,
    device_option,
    group_options,
    inherits_options,
    json_option,
    quiet_option,
    subcommand_options,
)
from alkit.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from alkit.campaign.groups.standing import GroupReport

SHARE = NumberRange(0, 1, min_open=True, max_open=True)
EXAMPLES = """\b
Examples:
  alkit groups find --campaign birds
  alkit groups --campaign birds
  alkit groups copy --limit 0.1
  alkit groups drop
  alkit groups off
"""


@click.group(
    "groups", short_help="Ask one of several near-duplicates.", epilog=EXAMPLES, invoke_without_command=True
)
@group_options
def command(context: click.Context, campaign: str | None, as_json: bool) -> None:
    """Ask one image of each group of near-duplicates, and give the others its label if an audit allows it.

    Without a subcommand, show where the groups stand and what the audit says.
    """
    if context.invoked_subcommand is None:
        with open_campaign(campaign, quiet=True) as opened:
            found = opened.groups()
        if as_json:
            print_json({"groups": None} if found is None else found.as_dict())
        elif found is None:
            click.echo("near-duplicates are not grouped; 'alkit groups find' finds them")
        else:
            _print(found)


@command.command(
    short_help="Find near-duplicates.",
    epilog="\b\nExamples:\n  alkit groups find\n  alkit groups find --audit 0.2 --limit 0.1\n",
)
@click.option(
    "--audit",
    type=SHARE,
    default=0.1,
    show_default=True,
    metavar="SHARE",
    help="Share of the near-duplicates to ask nevertheless, drawn at random, once their leader is labeled.",
)
@click.option(
    "--limit",
    type=SHARE,
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Largest share of wrong ones among copied labels, at 95% confidence.",
)
@campaign_option
@device_option
@quiet_option
@json_option
@inherits_options
def find(audit: float, limit: float, campaign: str | None, device: str, quiet: bool, as_json: bool) -> None:
    """Find images that look nearly the same; queries ask for one of each group from then on.

    Images are compared by the encoder's features, or by small copies. Random queries and control images are
    still drawn from all images. Earlier groups end, and so do labels that were copied in them.
    """
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        found = opened.find_groups(audit=audit, limit=limit)
    print_json(found.as_dict()) if as_json else _print(found)


@command.command(
    short_help="Copy labels to near-duplicates, if the audit allows it.",
    epilog="\b\nExamples:\n  alkit groups copy\n  alkit groups copy --limit 0.1\n",
)
@click.option(
    "--limit",
    type=SHARE,
    metavar="SHARE",
    help="Largest share of wrong ones, at 95% confidence.  [default: that of 'alkit groups find']",
)
@subcommand_options
def copy(limit: float | None, campaign: str | None, as_json: bool) -> None:
    """Give near-duplicates the label of their leader; refused where the audit shows that too many are wrong.

    A copied label counts until somebody answers for the image. It follows corrections of the leader's label.
    Labels that come later are copied by the next call.
    """
    with open_campaign(campaign, quiet=True) as opened:
        found = opened.copy_labels(limit)
    print_json(found.as_dict()) if as_json else _print(found)


@command.command(
    short_help="Drop copied labels.", epilog="\b\nExample:\n  alkit groups drop --campaign birds\n"
)
@subcommand_options
def drop(campaign: str | None, as_json: bool) -> None:
    """Drop all copied labels; the groups remain."""
    with open_campaign(campaign, quiet=True) as opened:
        count = opened.drop_copies()
    _print_dropped(count, as_json=as_json)


@command.command(short_help="End the groups.", epilog="\b\nExample:\n  alkit groups off --campaign birds\n")
@subcommand_options
def off(campaign: str | None, as_json: bool) -> None:
    """Ask near-duplicates separately again, and drop all copied labels."""
    with open_campaign(campaign, quiet=True) as opened:
        count = opened.ungroup()
    _print_dropped(count, as_json=as_json)


def _print_dropped(count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"dropped": count})
    else:
        click.echo(f"{count:,} copied label{' is' if count == 1 else 's are'} dropped")


def _print(found: GroupReport) -> None:
    from alkit.campaign.groups.wording import HEAD, about, rows, verdict  # noqa: PLC0415

    click.echo(about(found))
    click.echo()
    print_rows([HEAD, *rows(found)])
    click.echo()
    click.echo(verdict(found))
