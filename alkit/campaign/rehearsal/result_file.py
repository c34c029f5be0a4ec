"""The file of a campaign's last rehearsal."""

from __future__ import annotations

import json
from pathlib import Path

from alkit.utils.files import write_atomically
from alkit.utils.json_values import as_json

from .forecasts import Rehearsal, rehearsal_from

RESULT = "rehearsal.json"


def write_rehearsal(directory: Path, rehearsal: Rehearsal) -> None:
    """Write a rehearsal into the directory of its campaign, in place of the last one."""
    write_atomically(directory / RESULT, as_json(rehearsal.as_dict(), indent=1))


def last_rehearsal(directory: Path) -> Rehearsal | None:
    """Return the last rehearsal of a campaign, or None if there is none that can be read."""
    try:
        return rehearsal_from(json.loads((directory / RESULT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
