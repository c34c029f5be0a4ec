"""Files of weights: written completely or not at all, never unpickled, and used to resume trainings."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from alkit.utils.files import check_regular, open_regular, write_atomically

from .recipe import TrainingRun

if TYPE_CHECKING:
    from alkit.interfaces.task import TaskModel

    from .types import Companion


def save_atomically(state: Any, path: Path) -> None:
    """Write tensors, numbers and strings to a file, completely or not at all."""
    content = io.BytesIO()  # when writing to a file, torch hides a full disk in a RuntimeError
    torch.save(state, content)
    write_atomically(path, content.getbuffer())


def load_safely(path: Path, device: torch.device | str = "cpu", *, checked: bool = True) -> Any:
    """Read tensors, numbers and strings from a file, and refuse anything else that it holds.

    Args:
        path: what `save_atomically` wrote, or weights from elsewhere, as torch or safetensors write them.
        device: where tensors go.
        checked: refuse a file whose checksums differ; programs other than alkit may write none.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # noqa: PLC0415  # an extra

        check_regular(path)
        return load_file(path, device=str(device))
    with open_regular(path) as raw, io.BufferedReader(raw) as file:
        if checked and zipfile.is_zipfile(file):  # torch does not look at the checksums of what it reads
            with zipfile.ZipFile(file) as archive:
                if damaged := archive.testzip():
                    raise ValueError(f"{damaged} in {path} is damaged")
        file.seek(0)
        return torch.load(file, map_location=device, weights_only=True)


def save_progress(
    model: TaskModel,
    companion: Companion | None,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    run: TrainingRun,
) -> None:
    """Keep a training's weights, optimizer, history and random state after an epoch."""
    assert run.checkpoint is not None
    save_atomically(
        {
            "fingerprint": run.fingerprint,
            "epoch": epoch,
            "network": model.network.state_dict(),
            "companion": None if companion is None else companion.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": run.history,
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(run.device) if run.device.type == "cuda" else None,
        },
        run.checkpoint,
    )


def resume(
    model: TaskModel, companion: Companion | None, optimizer: torch.optim.Optimizer, run: TrainingRun
) -> int:
    """Resume a training from its checkpoint; return the first epoch to run, 0 without a checkpoint."""
    path = run.checkpoint
    if path is None or not path.exists():
        return 0
    try:
        state = load_safely(path, run.device)
    except Exception:  # ignore a damaged cache file
        return 0
    if state.get("fingerprint") != run.fingerprint:
        return 0
    model.network.load_state_dict(state["network"])
    if companion is not None:
        companion.load_state_dict(state["companion"])
    optimizer.load_state_dict(state["optimizer"])
    run.history[:] = state["history"]
    torch.set_rng_state(state["torch_rng"].cpu())
    if state["cuda_rng"] is not None:
        torch.cuda.set_rng_state(state["cuda_rng"].cpu(), run.device)
    run.progress.line(f"{run.label}: resumed after epoch {state['epoch']} of {run.recipe.epochs}")
    return int(state["epoch"])
