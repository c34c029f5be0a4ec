"""The last rehearsal of a campaign in its report."""

from __future__ import annotations

from alkit.campaign.rehearsal.wording import HEAD, about, conclusion, rows
from alkit.reporting.document import Block, Table, Text
from alkit.utils.counts import counted

from .findings import Findings


def rehearsed(found: Findings) -> list[Block]:
    """Show what the last rehearsal forecast; empty if there was none."""
    rehearsal = found.rehearsal
    if rehearsal is None:
        return []
    since = found.labels - rehearsal.labels
    words = f"{conclusion(rehearsal)} {about(rehearsal)}"
    if since:
        words += f" That was {counted(abs(since), 'label')} ago; 'alkit rehearse' forecasts anew."
    note = f"Gains with intervals that should hold the truth in {rehearsal.level:.0%} of campaigns."
    return [Text(words), Table(HEAD, rows(rehearsal), words=(1, 4), note=note)]
