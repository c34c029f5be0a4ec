"""k-means over feature rows in blocks: k-means++ on a sample, then Lloyd's iterations over all rows.

Source: S. Lloyd, Least squares quantization in PCM, 1982; D. Arthur and S. Vassilvitskii, k-means++: the
advantages of careful seeding, SODA 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alkit._typing import Indices

from .kmeanspp import k_means_plus_plus
from .rows import BLOCK, Features, Floats, Metric, Rows, check_finite, full_float32, power_of_two, readable

SEEDING = 8  # rows per centre in the sample for k-means++
SMALLEST = 2048  # least number of rows in that sample


@dataclass(frozen=True, slots=True)
class KMeansResult:
    """A partition of rows into nonempty clusters.

    Attributes:
        centers: [K, D] float64, the mean of each cluster (of its rows brought to length one, for `cosine`).
        cluster: [N] int64, the cluster of each row; clusters are numbered in the order of their first rows.
        distances: [N] float64, Euclidean, from each row to the centre of its cluster.
        inertia: sum of the squared distances.
    """

    centers: Floats
    cluster: Indices
    distances: Floats
    inertia: float


def k_means(
    features: Features, k: int, *, metric: Metric = "euclidean", seed: int = 0, iterations: int = 25
) -> KMeansResult:
    """Partition rows into at most k clusters, or fewer if there are not enough distinct rows.

    Memory beyond the features does not grow with the number of rows, except for the result and a sample of
    8 rows per cluster. A row equally near to two centres goes to the one with the lower number.

    Args:
        features: [N, D] real numbers, at least one row; a tensor on any device, an array, or a mapped file.
        k: how many clusters.
        metric: `euclidean`, or `cosine`: rows are brought to length one first.
        seed: of the starting centres; nothing else is random.
        iterations: most iterations of Lloyd's algorithm; it stops earlier if no row changes its cluster.

    Raises:
        ValueError: NaN or infinities, no rows, or k below one.
    """
    tensor = readable(features)
    if k < 1 or len(tensor) == 0:
        raise ValueError(
            f"k-means needs at least one cluster and one row, not {k} clusters of {len(tensor)} rows"
        )
    scale = power_of_two(check_finite(tensor))
    with full_float32(tensor.device):
        rows = Rows(tensor, metric, scale)
        centres = _seeds(rows, min(k, len(rows)), np.random.default_rng(seed))
        cluster = torch.full((len(rows),), -1, device=rows.device)
        for _ in range(iterations):
            before = cluster
            cluster, means = _step(rows, centres)
            if torch.equal(cluster, before):
                break
            centres = means
        else:
            cluster, _ = _step(rows, centres)
        used, cluster = _in_order(cluster)
        centres = centres[used] + rows.mean
        distances = _distances(rows, centres, cluster) / scale
    return KMeansResult(
        (centres / scale).cpu().numpy(),
        cluster.cpu().numpy(),
        distances,
        float(np.square(distances).sum()),
    )


def _seeds(rows: Rows, k: int, rng: np.random.Generator) -> Tensor:
    """Draw starting centres [k or fewer, D] float64 by k-means++ on a sample; none coincides with another."""
    size = min(len(rows), max(SEEDING * k, SMALLEST))
    values = rows.take(np.sort(rng.choice(len(rows), size, replace=False)))
    drawn = k_means_plus_plus(values, k, rng=rng)
    apart = drawn.indices[drawn.distances > 0.0]
    return values[torch.from_numpy(apart).to(values.device)].double()


def _step(rows: Rows, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Assign each row to its nearest centre [N]; also return the new centres; empty clusters keep theirs."""
    targets = centres.float()
    half = targets.square().sum(dim=1).div_(2)
    cluster = torch.empty(len(rows), dtype=torch.int64, device=rows.device)
    sums = torch.zeros_like(centres)
    for start in range(0, len(rows), BLOCK):
        block = rows.block(start, min(start + BLOCK, len(rows)))
        nearest = torch.addmm(half, block, targets.T, alpha=-1).argmin(dim=1)
        cluster[start : start + len(block)] = nearest
        if block.is_cuda:  # index_add_ adds in any order there
            sums += torch.nn.functional.one_hot(nearest, len(centres)).to(block).T @ block
        else:
            sums.index_add_(0, nearest, block.double())
    size = torch.bincount(cluster, minlength=len(centres)).unsqueeze(1)
    return cluster, torch.where(size > 0, sums / size.clamp(min=1), centres)


def _in_order(cluster: Tensor) -> tuple[Tensor, Tensor]:
    """Return the clusters that have rows, in the order of their first rows, and each row's new number."""
    numbers, count = cluster.cpu().numpy(), len(cluster)
    first = np.full(int(numbers.max()) + 1, count)
    np.minimum.at(first, numbers, np.arange(count))
    used = np.flatnonzero(first < count)
    used = used[np.argsort(first[used])]
    place = np.empty_like(first)
    place[used] = np.arange(len(used))
    return torch.from_numpy(used).to(cluster.device), torch.from_numpy(place[numbers]).to(cluster.device)


def _distances(rows: Rows, centres: Tensor, cluster: Tensor) -> Floats:
    """Return the distance of each row to its centre, [N] float64, by subtraction."""
    found = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        apart = rows.exact_block(start, stop) - centres[cluster[start:stop]]
        found[start:stop] = torch.linalg.vector_norm(apart, dim=1)
    return found.cpu().numpy()
