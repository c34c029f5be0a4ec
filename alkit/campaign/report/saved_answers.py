"""The answers without a label that were not asked for, in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit.reporting.document import Block, Text
from alkit.reporting.wording import listed
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alkit.campaign.analysis.avoided import Avoided


def saved_answers(found: Avoided | None) -> list[Block]:
    """Say how many answers without a label were saved; nothing where images were never passed over."""
    if found is None:
        return []
    blocks: list[Block] = []
    if found.queries:
        blocks.append(
            Text(
                f"In {_queries(found.queries)}, {counted(found.passed_over, 'pick')} that people could "
                f"probably not label gave way to others. That has saved about {found.saved:.0f} answers "
                f"'unusable' or 'abstain' (95% interval {found.low:.0f} to {found.high:.0f}), beside the "
                f"{found.without_label:,} among {counted(found.asked, 'answer')}. The estimate rests on the "
                "picks that were kept by chance although they looked unusable; an image that was passed over "
                "several times counts once."
            )
        )
    if found.waiting:
        blocks.append(
            Text(f"What {_queries(found.waiting)} saved is unknown until all of the images are answered.")
        )
    return blocks


def _queries(numbers: Sequence[int]) -> str:
    return listed(f"query {number}" for number in numbers)
