"""`alkit update`: take in new images, and follow images that have moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import UsageError
from alkit.utils.counts import counted

EXAMPLES = """\b
Examples:
  alkit update
  alkit update --campaign birds --pool /mnt/disk/photos
  alkit update --campaign birds --check
  alkit update --campaign birds --test test-photos/
"""


@click.command("update", short_help="Take in new images, and follow images that have moved.", epilog=EXAMPLES)
@campaign_option
@click.option("--pool", metavar="IMAGES", help="Where the images are now, if they have moved.")
@click.option("--test", metavar="POOL", help="Labeled images to test the model on from now on.")
@click.option(
    "--root", metavar="DIR", help="Folder of a torchvision data set, or of copies of remote images."
)
@click.option("--check", is_flag=True, help="Compare the content of every file with what was recorded.")
@quiet_option
@json_option
def command(
    campaign: str | None,
    pool: str | None,
    test: str | None,
    root: str | None,
    check: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Take in new images of the pool; the indices of the other images never change.

    A file that was renamed is found by its content: the image keeps its index and its labels. With --pool,
    all images are looked for in another place by their content; if at least half of them are there, the
    campaign uses that place from then on.

    --test gives a campaign a test set, or another one; trainings that were tested on other images are listed
    without metrics from then on.
    """
    if test is not None and (pool is not None or check):
        raise UsageError("--test cannot be combined with --pool or --check; run the command twice")
    with open_campaign(campaign, quiet=quiet) as opened:
        chosen = None if test is None else opened.choose_test_set(test, root=root)
        report: dict[str, Any] = {} if chosen else opened.update(pool=pool, root=root, check=check)
    if as_json:
        print_json(chosen or report)
    elif chosen:
        same = "the same as before" if chosen["same_images"] else "used from the next training on"
        click.echo(f"test set       {chosen['test']}: {counted(chosen['images'], 'image')}, {same}")
        if chosen["new_classes"]:
            click.echo(f"new classes    {', '.join(chosen['new_classes'])}")
    else:
        _print(report)


def _print(report: Mapping[str, Any]) -> None:
    if report["moved"]:
        click.echo(f"the pool is {report['pool']} from now on")
    click.echo(
        f"{counted(report['added'], 'image')} added, {len(report['unusable']):,} of them unusable, "
        f"{counted(report['duplicates'], 'exact copy', 'exact copies')}"
    )
    if report["found"]:
        back = counted(report["found"], "image that was missing is", "images that were missing are")
        click.echo(f"{back} back")
    if renamed := report["renamed"]:
        kept = counted(
            len(renamed),
            "image has a new name and keeps its index and labels:",
            "images have new names and keep their index and labels, such as",
        )
        click.echo(f"{kept} {renamed[0]['image']!r}")
    for entry in report["unusable"]:
        click.echo(f"unusable: {entry['image']!r}: {entry['reason']}")
    if report["changed"]:
        click.echo(
            f"warning: {counted(len(report['changed']), 'file has', 'files have')} other content than the "
            f"list of images says, such as {report['changed'][0]!r}; restore the originals, or give the new "
            "images other names"
        )
    if report["missing"]:
        click.echo(
            f"warning: {counted(len(report['missing']), 'image is', 'images are')} missing, such as "
            f"{report['missing'][0]!r}"
        )
