"""`alkit export-model`: write the campaign's model for use without alkit."""

from __future__ import annotations

from pathlib import Path

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option, json_option, quiet_option
from alkit.cli.output import print_facts, print_json
from alkit.reporting.wording import metric_name

EXAMPLES = """\b
Examples:
  alkit export-model --out model/
  alkit export-model --campaign birds --out model/ --format onnx --format torch-export
"""


@click.command("export-model", short_help="Write the model for use without alkit.", epilog=EXAMPLES)
@click.option("--out", required=True, metavar="DIR", help="Folder to make.")
@click.option(
    "-f",
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["onnx", "torch-export"]),
    help="Write this beside the weights; onnx needs alkit[onnx]. Repeatable.",
)
@click.option("--force", is_flag=True, help="Replace an exported model in that folder.")
@campaign_option
@device_option
@quiet_option
@json_option
def command(
    out: str,
    formats: tuple[str, ...],
    force: bool,
    campaign: str | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the model of the latest training into a folder that works without alkit.

    The folder has the weights as safetensors, the code of the network, its classes and preprocessing, its
    metrics with intervals, where its labels come from, and a model card that says how to use it all. If no
    model is trained yet, one is trained first.
    """
    from alkit.campaign.model.export_model import export_model  # noqa: PLC0415  # numpy is slow to import

    with open_campaign(campaign, device=device, quiet=quiet) as opened:
        exported = export_model(opened, Path(out), formats=formats, force=force)
    trained = exported.model.trained
    if as_json:
        print_json(
            {
                "out": str(exported.folder),
                "files": list(exported.files),
                "classes": list(exported.model.classes),
                "cycle": trained.cycle,
                **trained.counts(),
                "metrics": dict(trained.metrics),
                "fingerprint": trained.fingerprint,
            }
        )
        return
    rows = [
        ("model", f"cycle {trained.cycle}, {trained.in_words}"),
        *((f"test {metric_name(name)}", f"{value:.4f}") for name, value in trained.metrics.items()),
        *(("written", str(exported.folder / file)) for file in exported.files),
    ]
    print_facts(rows)
