"""The card of an exported model, and the Python file that uses the model without alkit.

jinja2 makes both from `templates/`. Import this module late, since it loads jinja2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .wording import labels_and_copies

if TYPE_CHECKING:
    from alkit.training.types import Metric


RULES = {
    "stretch": "stretched",
    "crop": "the shorter side resized and the center kept",
    "letterbox": "with grey bars",
}


def model_card(
    *,
    name: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    labels: Mapping[str, Any],
    graphs: Sequence[str],
    metric: Sequence[Metric],
    date: str,
    packages: Sequence[str],
    program: str = "",
) -> str:
    """Return the card as Markdown.

    Args:
        name: of the campaign.
        config: how to use the model.
        metrics: how good it is.
        labels: where its labels come from.
        graphs: names of the files of graphs.
        metric: what the task measures.
        date: of the export.
        packages: that the network needs, apart from torch.
        program: file with the network as an exported program, if there is no code for it.
    """
    copied = labels.get("copied", 0)
    return (
        _environment()
        .get_template("model-card.md")
        .render(
            name=name,
            config=config,
            metrics=metrics,
            labels=labels,
            graphs=graphs,
            metric_names=[item.name for item in metric],
            date=date,
            packages=packages,
            program=program,
            trained_on=labels_and_copies(labels["labels"] - copied, copied),
            rule=RULES[config["preprocessing"]["resize"]],
        )
    )


def model_code(source: str, steps: Mapping[str, Any], kind: str, program: str = "") -> str:
    """Return the Python file of a model: its network, and how to load it and to read images.

    Args:
        source: of a module that defines `make_network`, or that only imports what the rest needs.
        steps: of the preprocessing.
        kind: of the labels.
        program: file with the network as an exported program, if there is no code for it.
    """
    template = _environment().get_template("model.py.template")
    return template.render(source=source.rstrip(), steps=steps, kind=kind, program=program)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=False,  # Markdown and Python, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
