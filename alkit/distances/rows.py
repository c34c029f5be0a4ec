"""Feature rows as two views: centred float32 rows to screen with, float64 rows to decide with.

Rows are read in blocks: features may be larger than memory (a memory-mapped file) and are never copied whole.
Screening uses `|x|² + |c|² - 2 x·c` in float32, whose error `slack` bounds; whatever lies within that
bound is decided by subtraction in float64.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alkit._typing import Indices

from .row_view import RowView

Metric: TypeAlias = Literal["euclidean", "cosine"]
Features: TypeAlias = "Tensor | npt.NDArray[np.generic] | RowView"
Floats: TypeAlias = npt.NDArray[np.float64]

BLOCK = 1024  # rows of a block: 2 MB at 512 dimensions
PAIRS = 1024  # pairs decided in float64 at once
_UNIT = 2.0**-24  # unit roundoff of float32


def readable(features: Features) -> Tensor | RowView:
    """Return features [N, D] as a tensor that shares their memory, or the view that they are.

    Raises:
        ValueError: they are not a matrix of real numbers.
    """
    return features if isinstance(features, RowView) else as_tensor(features)


def as_tensor(features: Features) -> Tensor:
    """Return features [N, D] as a tensor that shares their memory; a view is read.

    Raises:
        ValueError: they are not a matrix of real numbers.
    """
    if isinstance(features, RowView):
        return features[:]
    if not isinstance(features, Tensor):
        array = np.asarray(features)
        if not array.dtype.isnative or any(stride < 0 for stride in array.strides):
            array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a read-only file: nothing here writes to it
            features = torch.from_numpy(array)
    if features.dim() != 2 or features.is_complex():
        raise ValueError(
            f"features should be real numbers [N, D], not {list(features.shape)} {features.dtype}"
        )
    return features.detach()


def check_finite(features: Tensor | RowView) -> float:
    """Return the largest magnitude in features [N, D].

    Raises:
        ValueError: with the first row that holds NaN or an infinity.
    """
    largest = 0.0
    for start in range(0, len(features), BLOCK):
        block = features[start : start + BLOCK]
        if block.numel():
            low, high = (float(bound) for bound in torch.aminmax(block))
            if not (math.isfinite(low) and math.isfinite(high)):
                bad = start + int((~torch.isfinite(block)).any(dim=1).nonzero()[0])
                raise ValueError(
                    f"row {bad} of the features holds NaN or an infinity; every value must be finite"
                )
            largest = max(largest, abs(low), abs(high))
    return largest


def power_of_two(largest: float) -> float:
    """Return the factor that keeps squares of magnitudes up to `largest` inside float32's range; mostly 1."""
    if largest == 0.0 or 2.0**-30 <= largest <= 2.0**30:
        return 1.0
    return 2.0 ** -max(min(math.frexp(largest)[1], 1000), -1000)


@contextlib.contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Multiply matrices in plain float32, whatever precision or autocast is set outside; no gradients."""
    precision = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def slack(norm: npt.ArrayLike, radius: float, dim: int) -> Floats:
    """Bound the error of a screened squared distance between rows of norms `norm` and at most `radius`.

    Two dot products' worth of rounding in any order of summation (Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.1), and a few roundings for centring and adding up.
    """
    reach: Floats = np.asarray(norm, dtype=np.float64) + radius
    error: Floats = (dim + 16) * _UNIT * reach * reach
    return error


def squared(first: Floats, second: Floats) -> Floats:
    """Squared distances [n] between rows [n, D] of two float64 matrices (or one row): the deciding sum."""
    difference = first - second
    total: Floats = np.einsum("ij,ij->i", difference, difference)
    return total


class Rows:
    """The rows of a feature matrix, by position.

    Args:
        features: [N, D], on any device.
        metric: `cosine` brings every row to length one; a row of zeros stays.
        scale: a power of two that all values are multiplied by.
        mean: [D] float64 on the features' device, subtracted before screening.
    """

    def __init__(
        self, features: Tensor | RowView, metric: Metric, scale: float, mean: Tensor | None = None
    ) -> None:
        self.features, self.metric, self.scale = features, metric, scale
        self.dim, self.device = features.shape[1], features.device
        self._wide = metric == "cosine" or features.dtype == torch.float64 or scale != 1.0
        self.mean = self._middle() if mean is None else mean
        self._mean32 = self.mean.float()

    def __len__(self) -> int:
        return len(self.features)

    def take(self, index: Indices) -> Tensor:
        """Return rows as centred float32 [n, D], each value rounded once."""
        if len(index) and index[-1] - index[0] == len(index) - 1:
            return self.block(int(index[0]), int(index[-1]) + 1)
        rows = self.raw(index)
        return self._centred(rows) if self._wide else rows.float().sub_(self._mean32)

    def block(self, start: int, stop: int) -> Tensor:
        """Return the rows from start to stop as `take` does."""
        return self._centred(self.features[start:stop])

    def raw(self, index: Indices) -> Tensor:
        """Return rows as they stand [n, D], in the features' own type."""
        return self.features.index_select(0, torch.from_numpy(index).to(self.device))

    def exact(self, index: Indices) -> Floats:
        """Return rows as float64 [n, D] on the host, not centred."""
        return self._widened(self.raw(index)).cpu().numpy()

    def exact_block(self, start: int, stop: int) -> Tensor:
        """Return the rows from start to stop as float64 [n, D] on the device, not centred."""
        return self._widened(self.features[start:stop])

    def _centred(self, rows: Tensor) -> Tensor:
        if self._wide:
            return (self._widened(rows) - self.mean).float()
        return rows.float() - self._mean32

    def _widened(self, rows: Tensor) -> Tensor:
        rows = rows.double()
        if self.scale != 1.0:
            rows = rows * self.scale
        if self.metric == "cosine":
            length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
            rows = rows / torch.where(length > 0, length, 1.0)
        return rows

    def _middle(self) -> Tensor:
        """Average some evenly spaced rows: any point inside the cloud keeps the norms small."""
        count = min(len(self), 2048)
        if count == 0:
            return torch.zeros(self.dim, dtype=torch.float64, device=self.device)
        return self._widened(self.raw(np.arange(count) * len(self) // count)).mean(dim=0)
