"""A learning curve as a power law: limit - scale * labels ** -rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RATES = np.linspace(0.1, 1.5, 29)


@dataclass(frozen=True, slots=True)
class PowerLaws:
    """Several fitted curves; each attribute has a value for each, [B]."""

    limit: Floats
    scale: Floats
    rate: Floats

    def at(self, labels: float) -> Floats:
        """Return the value of each curve at a number of labels, [B]."""
        return self.limit - self.scale * labels**-self.rate


def fit_power_laws(sizes: npt.ArrayLike, values: npt.ArrayLike, top: float) -> PowerLaws:
    """Fit a curve that never falls to each row of values, by least squares weighted by the sizes.

    Every rate of a grid is tried, and limit and scale have a closed form for each.

    Args:
        sizes: [k] numbers of labels, at least two different ones.
        values: [B, k] of a metric that is larger if better.
        top: the best value that the metric can have; no limit is above it.
    """
    n, y = np.asarray(sizes, np.float64), np.atleast_2d(np.asarray(values, np.float64))
    weights = n / n.sum()
    x = n[None, :] ** -RATES[:, None]  # [rates, k]
    x_mean, y_mean = x @ weights, y @ weights
    spread = ((x - x_mean[:, None]) ** 2) @ weights
    together = np.einsum("bk,rk,k->br", y - y_mean[:, None], x - x_mean[:, None], weights)
    scale = np.maximum(-together / spread, 0.0)  # [B, rates]
    limit = y_mean[:, None] + scale * x_mean
    capped = limit > top
    to_top = np.einsum("bk,rk,k->br", top - y, x, weights) / (x**2 @ weights)
    scale = np.where(capped, np.maximum(to_top, 0.0), scale)
    limit = np.where(capped, top, limit)
    fitted = limit[:, :, None] - scale[:, :, None] * x[None]
    losses = ((y[:, None, :] - fitted) ** 2) @ weights
    best = losses.argmin(axis=1)
    rows = np.arange(len(y))
    return PowerLaws(limit[rows, best], scale[rows, best], RATES[best])
