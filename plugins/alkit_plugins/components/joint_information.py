"""What the labels of several images would tell together about which pass of a network is right.

Kirsch, van Amersfoort and Gal, BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active
Learning, NeurIPS 2019. A configuration is a label for each image chosen so far. It has a probability, and
leads to a posterior over the passes. What one more image adds to the joint mutual information is, averaged
over configurations, the entropy of its class probabilities mixed by that posterior minus their mean entropy
under it. All configurations are kept while there are few; after that some are drawn, as many from each
pass, and get one label more with each image chosen. Float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .mc_dropout import entropy

ELEMENTS = 4_000_000  # float64 numbers of a block: 32 MB
NEGLIGIBLE = 1e-13  # nats that a configuration can add


class JointInformation:
    """The passes' posterior under the labels of the images chosen so far.

    Args:
        probabilities: [m, passes, classes], the candidates', of any floating type.
        configurations: the most that are kept; drawn ones are rounded up to as many from each pass.
        generator: on the CPU, draws them.

    Attributes:
        count: m.
        exact: all configurations are there.
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
        """Return what each of some candidates would add, in nats, [k]."""
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
        """Draw a label of one more image [passes, classes] for each configuration, from its own pass."""
        cumulative = rows.cumsum(dim=1)[self._source]
        draws = torch.rand(len(self._source), 1, generator=self._generator, dtype=torch.float64)
        labels = (cumulative <= draws.to(rows.device) * cumulative[:, -1:]).sum(dim=1)
        self._log_likelihood += rows[:, labels].log().T
