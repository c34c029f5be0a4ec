"""When answers were given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from .given_answer import GivenAnswer

EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


def in_order(answers: Sequence[GivenAnswer]) -> list[GivenAnswer]:
    """Sort answers by time; those whose time cannot be read stay in front, in their order."""
    return sorted(answers, key=lambda answer: read_time(answer.time) or EARLIEST)


def read_time(time: str) -> datetime | None:
    """Return the moment of a time in ISO 8601, in UTC if it names no zone; None if it cannot be read."""
    try:
        moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
