"""What a strategy remembers from cycle to cycle, as files in the campaign's directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import CampaignError
from alkit.utils.files import as_file_name

if TYPE_CHECKING:
    from alkit.interfaces.strategy import Strategy


STATES = "states"


def save_state(strategy: Strategy, directory: Path, cycle: int) -> str | None:
    """Write what a strategy remembers; return the file, from the campaign's directory, if there is any."""
    from alkit.training.checkpoints import save_atomically

    state = strategy.state_dict()
    if not state:
        return None
    path = directory / STATES / f"{cycle:03d}-{as_file_name(strategy.name)}.pt"
    path.parent.mkdir(exist_ok=True)
    save_atomically(state, path)
    return path.relative_to(directory).as_posix()


def load_state(strategy: Strategy, path: Path) -> None:
    """Give a strategy back what it remembered.

    Raises:
        CampaignError: the file is gone or cannot be read.
    """
    from alkit.training.checkpoints import load_safely

    try:
        state = load_safely(path)
    except Exception as error:  # torch raises almost anything on broken files
        reason = "is gone" if not path.exists() else "cannot be read"
        raise CampaignError(
            f"{path} {reason}: strategy '{strategy.name}' keeps there what it remembers from cycle to "
            "cycle; restore it from a backup"
        ) from error
    strategy.load_state_dict(state)
