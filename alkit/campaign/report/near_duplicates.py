"""Near-duplicates in a report: how many are one question, and how far their copied labels can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit.campaign.groups.wording import HEAD, about, rows, verdict
from alkit.reporting.document import Block, Table, Text

if TYPE_CHECKING:
    from alkit.campaign.groups.standing import GroupReport


def near_duplicates(found: GroupReport | None, labeled: int) -> list[Block]:
    """Show the groups and their audit; nothing where near-duplicates are not grouped.

    Args:
        found: where they stand.
        labeled: images with a label, copied ones included.
    """
    if found is None:
        return []
    share = f" That is {found.copied / labeled:.0%} of all labels." if found.copied else ""
    note = (
        "Of near-duplicates whose leader is labeled. The last column is the upper end of the exact interval "
        "(Clopper and Pearson); all levels hold together with 95% confidence."
    )
    return [Text(about(found)), Table(HEAD, rows(found), note=note), Text(f"{verdict(found)}{share}")]
