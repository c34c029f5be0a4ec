"""Provenance of results: versions, machine, state of the working copy, date and command."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.utils.provenance import git_state, machine, versions

if TYPE_CHECKING:
    from .shared_data import SharedData


def header(shared: SharedData, command: str) -> dict[str, Any]:
    """Return the provenance in the first record of every cell."""
    return {
        "versions": versions(),
        "machine": machine(shared.device),
        "git": git_state(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "pool": Path(shared.location).name,
    }
