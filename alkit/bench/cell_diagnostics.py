"""Diagnostics of a cell: how well a companion predicts losses, and the data of the map of picks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.store import ImageStore
from alkit.utils.files import write_atomically

from . import toy

if TYPE_CHECKING:
    from alkit.data.labeled_images import LabeledImages
    from alkit.engine.cycle import Cycle
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.task import TaskModel

    from .shared_data import SharedData


BLOCK = 256
MAP_EMBEDDINGS = "map.npz"


def predicted_loss_correlation(
    task: TaskModel, trained: TrainedModel, test: LabeledImages, shared: SharedData
) -> dict[str, Any]:
    """Return the rank correlation of predicted and true test losses, if a companion predicts them."""
    predict = getattr(trained.companion, "predicted_loss", None)
    if predict is None:
        return {}
    import torch  # noqa: PLC0415  # torch takes seconds to import
    from scipy.stats import spearmanr  # noqa: PLC0415  # scipy is slow to import

    from alkit.data.loader import Loader  # noqa: PLC0415  # torch takes seconds to import

    device = shared.torch_device
    targets = task.encode(test.values)
    loader = Loader(
        test.images,
        device,
        targets=targets,
        labeled=test.indices,
        mean=shared.images.mean,
        std=shared.images.std,
    )
    predicted, true = [], []
    task.network.eval()
    with torch.no_grad():
        for batch in loader.sequential(test.indices, BLOCK):
            output = task.forward_batch(batch)
            assert batch.targets is not None
            predicted.append(predict(output).float().cpu())
            true.append(task.loss(output, batch.targets).float().cpu())
    predictions, losses = torch.cat(predicted).numpy(), torch.cat(true).numpy()
    if predictions.std() == 0 or losses.std() == 0:
        return {}
    return {"predicted_loss_correlation": round(float(spearmanr(predictions, losses).statistic), 4)}


def record_diagnostics(cell_file: Path, shared: SharedData, cycle: Cycle, *, baseline: bool) -> None:
    """Keep the data of the map of picks, from the last query of a cell.

    Args:
        cell_file: the cell's records.
        shared: the images.
        cycle: the query.
        baseline: the cell is the baseline's, whose embeddings place the images.
    """
    if shared.is_toy:
        _keep_boundary(cell_file, shared, cycle)
    elif baseline and "embedding" in cycle.model.spec.provides:
        members = np.array(shared.pool.members, dtype=np.int64)
        embeddings = cycle.embeddings(members).half().cpu().numpy()
        path = cell_file.parent / MAP_EMBEDDINGS
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, embeddings=embeddings, members=members)
        temporary.replace(path)


def boundary_path(cell_file: Path) -> Path:
    """Return the file with the decisions of a cell's model over the plane."""
    return cell_file.with_suffix(".boundary.json")


def _keep_boundary(cell_file: Path, shared: SharedData, cycle: Cycle) -> None:
    import torch  # noqa: PLC0415  # torch takes seconds to import

    from alkit.data.loader import Loader  # noqa: PLC0415  # torch takes seconds to import

    points = ImageStore.from_array(toy.grid()[:, None, None, :])
    loader = Loader(points, cycle.device, mean=shared.images.mean, std=shared.images.std)
    with torch.no_grad():
        decided = [
            cycle.model.forward_batch(batch).prediction.argmax(dim=1)
            for batch in loader.sequential(np.arange(len(points)), BLOCK)
        ]
    rows = torch.cat(decided).reshape(toy.GRID, toy.GRID).tolist()
    kept = {"extent": [0.0, 1.0, 0.0, 1.0], "grid": rows}
    write_atomically(boundary_path(cell_file), json.dumps(kept))
