"""The joint information of several images' labels about which pass of a network is right.

Kirsch, van Amersfoort and Gal, BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active
Learning, NeurIPS 2019. A configuration is one label for each image chosen so far. It has a probability, and
leads to a posterior over the passes. One more image adds to the joint mutual information, averaged over
configurations: the entropy of its class probabilities mixed by that posterior, minus their mean entropy under
it. All configurations are kept as long as there are few; after that some are drawn, the same number from each
pass, and each chosen image adds one label to them. All computations use float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .mc_dropout import entropy

ELEMENTS = 4_000_000  # float64 numbers in a block: 32 MB
NEGLIGIBLE = 1e-13  # nats; a configuration that can add less is left out


class JointInformation:
    """The posterior over passes under the labels of the images chosen so far.

    Args:
        probabilities: [m, passes, classes] of the candidates, in any floating-point type.
        configurations: largest number to keep; if drawn, rounded up to the same number from each pass.
        generator: a generator on the CPU that draws them.

    Attributes:
        count: m.
        exact: all configurations are kept.
    """

    def __init__(self, probabilities: Tensor, configurations: int, generator: torch.Generator) -> None:
        self.count, passes, _ = probabilities.shape
        self.exact = True
        self._probabilities, self._most, self._generator = probabilities, configurations, generator
        device = probabilities.device
        self._source = torch.arange(-(-configurations // passes) * passes, device=device) % passes
        self._chosen: list[int] = []
        self._log_likelihood = torch.zeros(1, passes, dtype=torch.float64, device=device)
        self._weight = torch.ones(1, dtype=torch.float64, device=device)

    def gains(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return what each of these candidates would add, in nats, [k]."""
        posterior = self._log_likelihood.softmax(dim=1)
        matters = self._weight * entropy(posterior, dim=1) > NEGLIGIBLE
        posterior, weight = posterior[matters], self._weight[matters]
        mean = weight @ posterior
        passes, classes = self._probabilities.shape[1:]
        gains = []
        positions = torch.from_numpy(which).to(self._probabilities.device)
        for part in positions.split(max(1, ELEMENTS // (max(len(posterior), passes) * classes))):
            rows = self._probabilities[part].double()
            mixed = posterior @ rows.transpose(0, 1).flatten(1)
            marginal = (weight @ torch.special.entr(mixed)).view(len(part), classes).sum(dim=1)
            gains.append((marginal - entropy(rows, dim=2) @ mean).cpu().numpy())
        return np.concatenate(gains)

    def add(self, pick: int) -> None:
        """Choose a candidate."""
        self._chosen.append(pick)
        rows = self._rows(pick)
        if not self.exact:
            self._label(rows)
        elif len(self._weight) * rows.shape[1] <= self._most:
            self._log_likelihood = (self._log_likelihood.unsqueeze(1) + rows.log().T).flatten(0, 1)
            self._log_likelihood = self._log_likelihood[self._log_likelihood.isfinite().any(dim=1)]
            self._weight = self._log_likelihood.exp().mean(dim=1)
        else:
            self.exact = False
            self._log_likelihood = self._log_likelihood.new_zeros(len(self._source), len(rows))
            self._weight = torch.full_like(self._log_likelihood[:, 0], 1.0 / len(self._source))
            for chosen in self._chosen:
                self._label(self._rows(chosen))

    def _rows(self, pick: int) -> Tensor:
        return self._probabilities[pick].double()

    def _label(self, rows: Tensor) -> None:
        """Draw a label for one more image [passes, classes] in each configuration, from its own pass."""
        cumulative = rows.cumsum(dim=1)[self._source]
        draws = torch.rand(len(self._source), 1, generator=self._generator, dtype=torch.float64)
        labels = (cumulative <= draws.to(rows.device) * cumulative[:, -1:]).sum(dim=1)
        self._log_likelihood += rows[:, labels].log().T
