"""A two-dimensional map of the last model's embeddings: labeled images, picks and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from alkit.errors import AlkitError
from alkit.reporting.projection import by_components, by_neighbourhoods
from alkit.utils import seeding

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Query

    Points = npt.NDArray[np.float64]


MOST = 2_000
"""How many unlabeled images are shown, and how many labeled ones."""
Method = Literal["pca", "tsne"]


class NoMap(AlkitError):
    """There is nothing to draw a map from; the message says why."""


@dataclass(frozen=True, slots=True)
class Places:
    """Images in the plane.

    Attributes:
        method: how the positions were computed, in words.
        groups: their places [n, 2] by what they are: `unlabeled`, `labeled`, `picks`, `control`.
        left_out: unlabeled and labeled images that are not shown.
    """

    method: str
    groups: Mapping[str, Points]
    left_out: int


def find_places(campaign: Campaign, query: Query | None, method: Method) -> Places:
    """Embed images by the last training's checkpoint, and project them to the plane.

    Args:
        campaign: its checkpoint and its stored images are read, and nothing is trained.
        query: whose picks are told from the other labeled images.
        method: principal components, or t-SNE after them.

    Raises:
        NoMap: there is no checkpoint, it no longer fits, or its model returns no embedding.
        SourceError: the stored images are gone.
    """
    groups, left_out = _groups(campaign, query)
    shown = np.concatenate(list(groups.values()))
    embeddings = _embeddings(campaign, shown)
    if min(embeddings.shape) < 2 or len(shown) < 4 or not np.isfinite(embeddings).all():
        raise NoMap("there is no map: there are too few embeddings, or some are not finite")
    xy, words = _projected(embeddings, method)
    ends = np.cumsum([len(indices) for indices in groups.values()])[:-1]
    return Places(words, dict(zip(groups, np.split(xy, ends), strict=True)), left_out)


def _groups(campaign: Campaign, query: Query | None) -> tuple[dict[str, Indices], int]:
    """Return the indices to be shown, and how many are not."""
    picks = [] if query is None else [pick for pick in query.picks if pick.answer is not None]
    control = np.array([pick.index for pick in picks if pick.control], dtype=np.int64)
    picked = np.array([pick.index for pick in picks if not pick.control], dtype=np.int64)
    asked = np.concatenate([picked, control])
    rng = seeding.numpy_generator(campaign.settings.seed, "report", "map")
    unlabeled = np.setdiff1d(campaign.pool.candidates, asked)
    labeled = np.setdiff1d(campaign.pool.labeled, asked)
    shown = {
        name: rng.permutation(all_)[:MOST] for name, all_ in (("unlabeled", unlabeled), ("labeled", labeled))
    }
    left_out = len(unlabeled) + len(labeled) - sum(map(len, shown.values()))
    return {**shown, "picks": picked, "control": control}, left_out


def _embeddings(campaign: Campaign, indices: Indices) -> npt.NDArray[np.float32]:
    """Return [n, D] by the model of the last training."""
    import torch  # noqa: PLC0415  # torch takes seconds to import

    from alkit.data.loader import Loader  # noqa: PLC0415  # torch takes seconds to import
    from alkit.training.checkpoints import load_safely  # noqa: PLC0415  # torch takes seconds to import

    history = campaign.history()
    if not history:
        raise NoMap("there is no map: nothing has been trained yet")
    checkpoint, device = history[-1].trained.checkpoint, campaign.resources.device
    task = campaign.resources.task(campaign.state)
    try:
        task.network.load_state_dict(load_safely(campaign.directory / str(checkpoint), device)["network"])
    except Exception as error:  # torch raises almost anything on broken files
        raise NoMap(
            f"there is no map: {checkpoint} is missing or no longer fits; make it again with 'alkit train'"
        ) from error
    task.network.eval()
    loader = Loader(campaign.resources.encoded_images(campaign.state), device)
    found = []
    with torch.inference_mode(), campaign.progress.bar(len(indices), "embed") as bar:
        for batch in loader.sequential(indices, task.scoring_batch()):
            embedding = task.forward_batch(batch).embedding
            if embedding is None:
                raise NoMap(f"there is no map: task '{task.name}' has no embeddings")
            found.append(embedding.float().flatten(1).cpu())
            bar.update(len(batch))
    result: npt.NDArray[np.float32] = torch.cat(found).numpy()
    return result


def _projected(embeddings: npt.NDArray[np.float32], method: Method) -> tuple[Points, str]:
    if method == "pca":
        xy, share = by_components(embeddings)
        return xy, f"the first two principal components, {share:.0%} of the variance"
    return by_neighbourhoods(embeddings), "t-SNE, where only neighborhoods have meaning, not distances"
