"""Distances from each row to its nearest others, screened in float32 and decided in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from alkit._typing import Indices

from .nearest import reported
from .rows import (
    BLOCK,
    PAIRS,
    Features,
    Floats,
    Metric,
    Rows,
    check_finite,
    full_float32,
    power_of_two,
    readable,
    slack,
    squared,
)

SPARE = 8  # neighbours kept beyond those asked for, since float32 may order them otherwise


def neighbor_distances(features: Features, k: int, *, metric: Metric = "euclidean") -> Floats:
    """Return the distances from each row to the k nearest other rows, ascending, exact to float64.

    Works in blocks: extra memory does not grow with the number of rows (except for the result).

    Args:
        features: [N, D], a tensor on any device, an array, or a memory-mapped file.
        k: how many neighbours.
        metric: `euclidean`, or `cosine`: one minus the cosine (a row of zeros is at 1/2 from all others).

    Returns:
        [N, min(k, N - 1)] float64.

    Raises:
        ValueError: k below one, NaN or infinities.
    """
    tensor = readable(features)
    if k < 1:
        raise ValueError(f"k should be at least 1, not {k}")
    scale = power_of_two(check_finite(tensor))
    result = np.empty((len(tensor), max(min(k, len(tensor) - 1), 0)))
    if result.size == 0:
        return result
    with full_float32(tensor.device):
        rows = Rows(tensor, metric, scale)
        for start in range(0, len(rows), BLOCK):
            index = np.arange(start, min(start + BLOCK, len(rows)))
            result[index] = _nearest(rows, index, result.shape[1])
    return reported(result, metric, scale)


def _nearest(rows: Rows, index: Indices, k: int) -> Floats:
    """Return the k smallest squared distances [n, k] of some rows to others."""
    values = rows.take(index)
    screened, others, radius = _screened(rows, index, values, min(k + SPARE, len(rows) - 1))
    squares = np.empty(others.shape)
    for row, column in _chunks(others.shape):
        squares[row, column] = squared(rows.exact(index[row]), rows.exact(others[row, column]))
    squares = np.sort(squares, axis=1)[:, :k]
    norm = torch.linalg.vector_norm(values, dim=1).cpu().numpy().astype(np.float64)
    beyond = np.square(norm) + 2.0 * screened[:, -1] - slack(norm, radius, rows.dim)
    if others.shape[1] < len(rows) - 1:
        # Rows that were left out are certainly no nearer; otherwise all rows are checked.
        for late in np.flatnonzero(np.maximum(beyond, 0.0) < squares[:, -1]).tolist():
            squares[late] = _all_squares(rows, int(index[late]), k)
    return squares


def _screened(rows: Rows, index: Indices, values: Tensor, count: int) -> tuple[Floats, Indices, float]:
    """Return the smallest of `|y|² / 2 - x·y` and their positions, [n, count] each, and the largest |y|."""
    device = values.device
    own = torch.from_numpy(index).to(device).unsqueeze(1)
    best = torch.empty(len(index), 0, device=device)
    who = torch.empty(len(index), 0, dtype=torch.int64, device=device)
    largest = 0.0
    for start in range(0, len(rows), BLOCK):
        block = rows.block(start, min(start + BLOCK, len(rows)))
        half = block.square().sum(dim=1).div_(2)
        largest = max(largest, float(half.max()))
        product = torch.addmm(half, values, block.T, alpha=-1)
        positions = torch.arange(start, start + len(block), device=device).expand(len(index), -1)
        product.masked_fill_(positions == own, torch.inf)
        best, who = torch.cat([best, product], dim=1), torch.cat([who, positions], dim=1)
        best, order = best.topk(min(count, best.shape[1]), dim=1, largest=False)
        who = who.gather(1, order)
    return best.cpu().numpy().astype(np.float64), who.cpu().numpy(), float(np.sqrt(2.0 * largest))


def _chunks(shape: tuple[int, ...]) -> list[tuple[Indices, Indices]]:
    row, column = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return [(row[s : s + PAIRS], column[s : s + PAIRS]) for s in range(0, len(row), PAIRS)]


def _all_squares(rows: Rows, own: int, k: int) -> Floats:
    """Return the k smallest squared distances [k] of one row, ascending, from all distances in float64."""
    point = rows.exact(np.array([own]))
    squares = np.concatenate(
        [
            squared(rows.exact(np.arange(start, min(start + BLOCK, len(rows)))), point)
            for start in range(0, len(rows), BLOCK)
        ]
    )
    squares[own] = np.inf
    return np.sort(np.partition(squares, k - 1)[:k])
