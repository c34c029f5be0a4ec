"""`alkit export`: write the open query for people who label."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from alkit.campaign.export import labeled_export, labeled_splits, open_export
from alkit.cli.opening import open_campaign, place_in
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_json
from alkit.errors import UsageError
from alkit.options import build, parse_pairs
from alkit.plugin import registry
from alkit.plugin.faults import returned
from alkit.utils.counts import counted

EXAMPLES = """\b
Examples:
  alkit export --format label-studio --campaign birds
  alkit export --format cvat --out to-label.zip
  alkit export --format folders -o images=link --labeled --out labeled/
  alkit export --format huggingface --labeled --test-share 0.2 --out dataset/
"""


@click.command("export", short_help="Write the open query for a labeling tool.", epilog=EXAMPLES)
@click.option(
    "-f",
    "--format",
    "name",
    required=True,
    metavar="NAME",
    help="Format to write; 'alkit plugins' lists them.",
)
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the format; 'alkit plugins NAME' lists them. Repeatable.",
)
@click.option(
    "--out", metavar="PATH", help="File or folder to write.  [default: queries/NNN-NAME in the campaign]"
)
@click.option("--labeled", is_flag=True, help="Write all labeled images with their labels instead.")
@click.option("--splits", is_flag=True, help="With --labeled: write a folder with the splits train and test.")
@click.option(
    "--test-share",
    type=float,
    metavar="SHARE",
    help="With --labeled: hold this share of the labeled images out as the split test.",
)
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    name: str,
    option: tuple[str, ...],
    out: str | None,
    labeled: bool,
    splits: bool,
    test_share: float | None,
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the unanswered images of the open query for a labeling tool.

    'alkit ingest' reads the answers. With --labeled, write the data set that the campaign has made so
    far, with --splits together with its test images. Original images are never changed, and no file is
    overwritten.
    """
    format = build(registry.formats.get(name), parse_pairs(option))
    splits = splits or test_share is not None
    if splits and not labeled:
        raise UsageError("--splits and --test-share are for labeled images; add --labeled")
    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        format.carry(opened.settings.labels)
        exports = labeled_splits(opened, test_share=test_share) if splits else {}
        export = exports["train"] if splits else labeled_export(opened) if labeled else open_export(opened)
        extensions = ("",) if splits else format.extensions
        if out is None:
            stem = f"{export.query:03d}-{format.name}" if export.query else f"labeled-{format.name}"
            path = place_in(opened, "queries") / f"{stem}{extensions[0]}"
        else:
            path = Path(out)
            if not path.name.lower().endswith(extensions):
                endings = " or ".join(extensions)
                raise UsageError(
                    f"the name of a {format.name} export should end with {endings}, unlike '{out}'; name "
                    "another with --out"
                )
        existing = next(filter(os.path.lexists, [path, *([] if splits else format.beside(path))]), None)
        if existing is not None:
            raise UsageError(f"{existing} already exists; move it, or name another place with --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        made = format.write_splits(exports, path) if splits else format.write(export, path)
        if made is None:
            raise returned(format, "write", made, "the files that it wrote")
        written = [str(file) for file in made]
    sizes = {split: len(part.items) for split, part in exports.items()}
    images = sum(sizes.values()) if splits else len(export.items)
    if as_json:
        told = {"format": format.name, "query": export.query, "images": images, "written": written}
        print_json(told | ({"splits": sizes} if splits else {}))
        return
    what = (
        f"query {export.query}: {counted(len(export.items), 'image')} to label"
        if export.query
        else counted(images, "labeled image")
    )
    click.echo(f"{what}, as {format.name}")
    for split, size in sizes.items():
        click.echo(f"{split:<14} {size:,}")
    for file in written:
        click.echo(f"written        {file}")
    if export.query:
        directory = shlex.quote(str(opened.directory))
        click.echo(f"next           label the images, then  alkit ingest --campaign {directory} FILE")
