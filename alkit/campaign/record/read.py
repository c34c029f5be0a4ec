"""Reading the state of a campaign off its ledger: as it is, or as it was at an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import Asked, Created, Extended
from .replay import CHANGING, replayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alkit.data.image_list import ImageList

    from .events import Happening
    from .ledger import AnswerRow, Event, Ledger, PickRow
    from .state import State

NAMING_IMAGES = ("indices", "leaders", "sources", "audit", "audits")
"""Fields of events that hold positions of images."""


def read_state(ledger: Ledger, before: State | None = None) -> State:
    """Read the state off a ledger.

    Args:
        ledger: what has happened.
        before: an earlier state of the same ledger, since nothing in a ledger ever changes: only what has
            been added is read.
    """
    with ledger.undamaged():
        with ledger.snapshot():
            records, events, answers, picks = _read(ledger, before)
        named = [row.index for row in answers] + [pick.index for those in picks for pick in those]
        for event in events:
            for field_name in NAMING_IMAGES:
                named += getattr(event.data, field_name, ())
        if named and not 0 <= min(named) <= max(named) < len(records):
            raise ValueError(f"it names an image beyond the {len(records)} of the list")
        return replayed(records, events, answers, picks)


def state_at(ledger: Ledger, event: int) -> State:
    """Return the state as it was at an event, without images, classes, labels and queries that came later."""
    with ledger.snapshot():
        _, events, answers, picks = _read(ledger, None)
        sizes = [happened for happened in ledger.all_events(Created, Extended) if happened.id <= event]
        there = sum(one.data.images for one in sizes if isinstance(one.data, (Created, Extended)))
        records = ledger.images(there)
    events = [happened for happened in events if happened.id <= event]
    queries = sum(isinstance(happened.data, Asked) for happened in events)
    return replayed(records, events, [row for row in answers if row.event <= event], picks[:queries])


def _read(
    ledger: Ledger, before: State | None
) -> tuple[ImageList, list[Event[Happening]], list[AnswerRow], list[Sequence[PickRow]]]:
    """Return images, events, answers, and picks by `asked` event."""
    unchanged = before is not None and ledger.image_count() == len(before.listed)
    records = before.listed if before is not None and unchanged else ledger.images()
    events, answers = (list(before.events), list(before.answers)) if before is not None else ([], [])
    picks = list(before.picks) if before is not None else []
    fresh = ledger.all_events(*CHANGING, after=events[-1].id if events else 0)
    answers += ledger.answers(after=answers[-1].id if answers else 0)
    picks += [ledger.picks(event.id) for event in fresh if isinstance(event.data, Asked)]
    return records, events + fresh, answers, picks
