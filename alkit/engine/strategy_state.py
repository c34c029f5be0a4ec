"""The state of a strategy from cycle to cycle, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import CampaignError
from alkit.training.checkpoints import load_safely, save_atomically
from alkit.utils.files import as_file_name, sync_folder

if TYPE_CHECKING:
    from alkit.interfaces.strategy import Strategy


def state_path(directory: Path, strategy: Strategy, cycle: int) -> Path:
    """Return the file for a strategy's state after a cycle."""
    return directory / f"{cycle:03d}-{as_file_name(strategy.name)}.pt"


def save_state(strategy: Strategy, directory: Path, cycle: int) -> Path | None:
    """Write a strategy's state to a directory; return the file, or None if there is no state."""
    state = strategy.state_dict()
    if not state:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    path = state_path(directory, strategy, cycle)
    save_atomically(state, path)
    sync_folder(directory)
    return path


def load_state(strategy: Strategy, path: Path) -> None:
    """Restore a strategy's state.

    Raises:
        CampaignError: the file is missing or cannot be read.
    """
    try:
        state = load_safely(path)
    except Exception as error:  # torch raises almost anything on broken files
        reason = "is missing" if not path.exists() else "cannot be read"
        raise CampaignError(
            f"{path} {reason}: strategy '{strategy.name}' keeps its state from cycle to "
            "cycle there; restore it from a backup"
        ) from error
    strategy.load_state_dict(state)
