"""The report of a campaign, written as one page."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alkit.campaign.analysis.advice import WORTH
from alkit.errors import SourceError, UsageError
from alkit.reporting.document import Block, Figure, Figures, Text
from alkit.reporting.figures import svg
from alkit.reporting.html import GENERATOR, to_page
from alkit.utils.counts import counted
from alkit.utils.files import write_atomically

from . import charts
from .embedding_map import NoMap, find_places
from .findings import Findings, gather_findings
from .sections import report_of
from .thumbnails import MOST, sheet

if TYPE_CHECKING:
    from alkit.campaign.analysis.stopping import StoppingRule
    from alkit.campaign.campaign import Campaign


MAP = (5.0, 5.0)
HEAD = 2_000
"""Characters of a page that hold its head."""


def write_report(
    campaign: Campaign,
    path: Path,
    *,
    rules: Sequence[StoppingRule] = (),
    worth: float = WORTH,
    places: Literal["pca", "tsne", "none"] = "pca",
) -> Findings:
    """Write the report of a campaign as one HTML file; an earlier report in its place is replaced.

    The campaign is read and never changed, and nothing is trained. The same campaign gives the same bytes.

    Args:
        campaign: what it is about.
        path: the file.
        rules: stopping rules; the report says for each whether it is met.
        worth: accuracy that 100 labels should bring.
        places: method of the map, or none.

    Returns:
        What the page says.

    Raises:
        UsageError: matplotlib is not installed, or the file exists and is not a report.
    """
    check_place(path)
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "the page of a report needs matplotlib; install it with: pip install 'alkit[report]', or use "
            "--json"
        )
    found = gather_findings(campaign, rules=rules, worth=worth)
    report = report_of(found, _pictures(campaign, found), _map(campaign, found, places))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_page(report))
    return found


def check_place(path: Path) -> None:
    """Refuse to write over anything but an earlier report.

    Raises:
        UsageError: something else is there.
    """
    if not path.exists():
        return
    if path.is_file():
        with open(path, encoding="utf-8", errors="replace") as file:
            if GENERATOR in file.read(HEAD):
                return
    raise UsageError(f"{path} exists and is not a report; move it away, or name another file with --out")


def _pictures(campaign: Campaign, found: Findings) -> list[Block]:
    query = found.last_answered
    if query is None:
        return [Text("Pictures appear once a query is answered.")]
    answered = [pick for pick in query.picks if pick.answer is not None]
    told = "the answer"
    if any(pick.predicted for pick in answered):
        told += ", and how sure the model was of it (✓) or of another class when it asked"
    blocks: list[Block] = []
    for control in (False, True):
        picks = [pick for pick in answered if pick.control == control]
        if picks:
            drawn = f"{'was' if len(picks) == 1 else 'were'} drawn at random as its control"
            who = drawn if control else f"'{query.strategy}' chose"
            first = f"The first {MOST} of " if len(picks) > MOST else ""
            caption = (
                f"{first}{counted(len(picks), 'answered image')} that {who} in query {query.number}; below"
            )
            blocks.append(sheet(campaign, picks, f"{caption} each {told}."))
    return blocks


def _map(campaign: Campaign, found: Findings, method: Literal["pca", "tsne", "none"]) -> list[Block]:
    if method == "none":
        return []
    query = found.last_answered
    try:
        places = find_places(campaign, query, method)
    except (NoMap, SourceError) as error:
        return [Text(f"{str(error)[0].upper()}{str(error)[1:]}.")]
    drawing = svg(charts.plane(places), MAP, "map")
    caption = f"Embeddings of the images by the last model. Positions: {places.method}."
    if query is not None:
        caption += f" Picks and control images are those of query {query.number}; they are labeled by now."
    if places.left_out:
        left_out = counted(
            places.left_out, "more image, drawn at random, is", "more images, drawn at random, are"
        )
        caption += f" {left_out} not shown."
    return [Figures([Figure("map", "images placed by their embeddings", drawing, MAP[0])], caption)]
