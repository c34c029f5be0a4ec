"""The picks of one round: candidates with exact distances, chosen one after the other on the host."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from alkit._typing import Indices

from .rows import Floats, Rows, slack, squared

GRAM = 256  # rows of mutual distances of candidates computed at once


class RoundSelection:
    """Candidates with exact distances, from which picks are made one after the other on the host."""

    def __init__(self, rows: Rows, key: Indices, best: Floats) -> None:
        self.key, self.best = key, best
        everything = np.arange(len(key))
        self.exact = rows.exact(everything)
        self.values = rows.take(everything)
        self.half = self.values.square().sum(dim=1).div_(2)
        reach = math.sqrt(2.0 * float(self.half.max())) if len(key) else 0.0
        self.error = float(slack(reach, reach, rows.dim))
        self._lower: dict[int, npt.NDArray[np.float32]] = {}

    def run(self, floor: float, last: int, count: int) -> tuple[Indices, Floats, Floats, Indices]:
        """Pick until `count`, or until a candidate outside may be farther.

        Returns:
            The picks in order, their squared distances, what is known of each candidate's squared distance
            (minus one for picks), and how many of the picks that accounts for.
        """
        live, bound = self.best.copy(), self.best.copy()
        order: list[int] = []
        squares: list[float] = []
        met = np.full(len(live), -1)
        while len(order) < min(count, len(live)):
            pick = int(live.argmax())
            square = float(live[pick])
            if square < floor or (square == floor and self.key[pick] > last):
                break
            order.append(pick)
            squares.append(square)
            live[pick], bound[pick] = -np.inf, -1.0
            if square == 0.0:
                continue
            lower = self._lower_bounds(pick, live)
            near = (lower < live).nonzero()[0]
            if len(near) == 0:
                continue
            upper = lower[near] + 2.0 * self.error
            out = upper < floor
            if out.any():  # certainly below the floor: a bound is enough, and the pick must be met again
                gone = near[out]
                live[gone], bound[gone], met[gone] = -np.inf, upper[out], len(order) - 1
                near = near[~out]
            if len(near):
                live[near] = np.minimum(live[near], squared(self.exact[near], self.exact[pick]))
        alive = live >= 0.0
        bound[alive], met[met < 0] = live[alive], len(order)
        return np.array(order, dtype=np.int64), np.array(squares), bound, met

    def _lower_bounds(self, pick: int, live: Floats) -> npt.NDArray[np.float32]:
        """Return a lower bound [m] of the pick's squared distance to every candidate."""
        if pick not in self._lower:
            ahead = np.flatnonzero(live >= 0.0)
            if len(ahead) > GRAM:
                ahead = ahead[np.argpartition(live[ahead], -GRAM)[-GRAM:]]
            ahead = np.array([pick, *(number for number in ahead.tolist() if number not in self._lower)])
            which = torch.from_numpy(ahead).to(self.values.device)
            product = torch.addmm(self.half, self.values[which], self.values.T, alpha=-1)
            product.add_(self.half[which].unsqueeze(1)).mul_(2).sub_(self.error)
            self._lower.update(zip(ahead.tolist(), product.cpu().numpy(), strict=True))
        return self._lower.pop(pick)
