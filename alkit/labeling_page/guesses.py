"""What the model that a query was chosen with takes its images for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ..campaign import Campaign
    from ..queries import Query


class Guess(NamedTuple):
    """The likeliest class, and its probability."""

    label: str
    probability: float


def guess(campaign: Campaign, query: Query) -> Mapping[int, Guess]:
    """Return the guess for each image of a query, by index; nothing where there is no model to ask.

    There is none if the strategy needs none, if the checkpoint has gone or does not fit any more (it is a
    cache), and where the task does not choose one class for a whole image.
    """
    checkpoint = query.record.get("checkpoint")
    if checkpoint is None:
        return {}
    probabilities = _probabilities(campaign, query, campaign.directory / checkpoint)
    if probabilities is None or probabilities.ndim != 2 or probabilities.shape[1] < len(campaign.classes):
        return {}
    best = probabilities[:, : len(campaign.classes)].max(dim=1)
    return {
        index: Guess(campaign.classes[number], probability)
        for index, number, probability in zip(
            query.indices, best.indices.tolist(), best.values.tolist(), strict=True
        )
    }


def _probabilities(campaign: Campaign, query: Query, checkpoint: Path) -> Tensor | None:
    """Return [n, classes, ...] for the picks, or None if the checkpoint or the task cannot say."""
    import numpy as np
    import torch

    from ..batches import Loader
    from ..learning import SCORING_BATCH
    from ..training import load_safely

    device = campaign.workbench.device
    task = campaign.workbench.task(campaign.classes)
    try:
        task.network.load_state_dict(load_safely(checkpoint, device)["network"])
    except Exception as error:  # torch raises almost anything on broken files
        campaign.progress.line(f"no guesses: {checkpoint} cannot be used ({type(error).__name__})")
        return None
    task.network.eval()
    loader = Loader(campaign.workbench.images(campaign.state), device)
    found = []
    with torch.inference_mode():
        for batch in loader.sequential(np.array(query.indices, dtype=np.int64), SCORING_BATCH):
            output = task.forward_batch(batch)
            if output.probabilities is None:
                return None
            found.append(output.probabilities.float().cpu())
    return torch.cat(found)
