"""`alkit remove`: take images out of a campaign."""

from __future__ import annotations

from typing import Any

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option
from alkit.cli.output import print_json
from alkit.errors import UsageError
from alkit.utils.counts import counted

EXAMPLES = """\b
Examples:
  alkit remove gull/0017.jpg --reason "shows a person"
  alkit remove --index 17 --index 18 --campaign birds
  alkit remove --undo gull/0017.jpg
  alkit remove
"""


@click.command("remove", short_help="Take images out of a campaign.", epilog=EXAMPLES)
@click.argument("images", nargs=-1)
@click.option("--index", type=int, multiple=True, metavar="N", help="An image by its index. Repeatable.")
@click.option("--undo", is_flag=True, help="Take removed images in again, with their labels.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@campaign_option
@json_option
def command(
    images: tuple[str, ...],
    index: tuple[int, ...],
    undo: bool,
    reason: str,
    campaign: str | None,
    as_json: bool,
) -> None:
    """Take images and their exact copies out of a campaign: they are not asked, trained on or counted.

    IMAGES are named by path or hash. Their files are not touched, and what was said of them stays in the
    history. Without IMAGES, list what is removed.
    """
    from alkit.campaign.changes.remove import removed_images  # noqa: PLC0415  # numpy is slow to import

    named: list[str | int] = [*images, *index]
    if undo and not named:
        raise UsageError("name the images to take back")
    with open_campaign(campaign, quiet=True) as opened:
        if not named:
            rows = removed_images(opened)
            report: dict[str, Any] = {"images": rows, "removed": len(rows)}
        else:
            report = opened.put_back(named) if undo else opened.remove(named, reason=reason)
    if as_json:
        print_json(report)
        return
    if not named:
        click.echo(f"{counted(report['removed'], 'image is', 'images are')} removed")
    elif undo:
        click.echo(f"{counted(len(report['images']), 'image is', 'images are')} part of the campaign again")
    else:
        click.echo(
            f"{counted(len(report['images']), 'image')} removed, exact copies included; "
            f"{counted(report['labeled'], 'was', 'were')} labeled, {report['waiting']:,} waited for an answer"
        )
    for row in report["images"]:
        why = f": {row['reason']}" if row.get("reason") else ""
        click.echo(f"{row['index']}  {row['image']!r}{why}")
