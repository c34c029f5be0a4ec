"""SS-VAAL: TA-VAAL with a ranker that learns whole orders, from pseudo-labeled images too.

Lyu and Beksi, Semi-Supervised Variational Adversarial Active Learning via Learning to Rank and
Agreement-Based Pseudo Labeling, ICPR 2024. The ranker's loss is the squared difference of ranks in a batch.
The paper makes ranks differentiable by a sorting network trained beforehand; here they are sums of sigmoids.
The paper trains the task model on images whose prediction is certain and agrees with a clustering. A strategy
of alkit does not train the task's model, so that all strategies are judged by the same training; here these
images train the ranker, before it ranks the pool.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

import alkit
from alkit import option, seeding
from alkit.training import without_compiler
from alkit_plugins.components.loss_prediction import LossPredictor, order_loss
from alkit_plugins.components.pseudo_labels import agreed

from .ta_vaal import TAVAAL

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Companion, Cycle, Indices, Output, TaskSpec


SMALLEST = 1e-12  # probability: its logarithm is finite


@dataclass(kw_only=True)
class SSVAAL(TAVAAL):
    """Choose as ta-vaal does, with a ranker that also learns from images of which the model is certain."""

    name = "ss-vaal"
    kind = "adversarial"
    needs = frozenset({"features", "loss", "probabilities", "embedding"})
    paper = "Lyu and Beksi, Semi-Supervised Variational Adversarial Active Learning, ICPR 2024"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    threshold: float = option(
        0.95, "probability that a predicted class needs to become a pseudo-label", minimum=0.0, maximum=1.0
    )
    ranker_steps: int = option(
        100, "steps of the ranker on labeled and pseudo-labeled images; 0: no pseudo-labels", minimum=0
    )
    ranker_rate: float = option(1e-3, "learning rate of these steps (Adam)", minimum=0.0)

    def companion(self, spec: TaskSpec) -> Companion:
        """Return the ranker for the task's taps."""
        return LossPredictor.for_task(
            spec,
            self.hidden,
            loss="spearman",
            weight=self.dense_weight if spec.averages else self.weight,
            detach_after=self.detach_after,
        )

    def ranked(self, cycle: Cycle, indices: Indices) -> Tensor:
        """Train a copy of the ranker on labeled and pseudo-labeled images, and return its output, [n]."""
        ranker = cycle.companion
        assert isinstance(ranker, LossPredictor)
        rows = cycle.collect(indices, _seen)
        widths = [tap.channels for tap in cycle.model.spec.taps]
        classes = cycle.model.spec.num_classes
        taps = rows[:, : sum(widths)]
        probabilities, features = rows[:, sum(widths) :].split(
            [classes, rows.shape[1] - sum(widths) - classes], dim=1
        )
        trained = self._trained_ranker(cycle, ranker, taps, probabilities, features, indices)
        with torch.no_grad():
            return trained(taps.split(widths, dim=1))

    def _trained_ranker(
        self,
        cycle: Cycle,
        ranker: LossPredictor,
        taps: Tensor,
        probabilities: Tensor,
        features: Tensor,
        indices: Indices,
    ) -> LossPredictor:
        targets = cycle.targets
        cycle.diagnostics["pseudo_labels"] = 0
        if self.ranker_steps == 0 or not isinstance(targets, torch.Tensor) or targets.dim() != 1:
            return ranker
        table = probabilities.double().cpu().numpy()
        known = _places(indices, cycle.labeled)
        answers = targets.cpu().numpy()
        pseudo = np.flatnonzero(
            agreed(
                table,
                features,
                known,
                answers,
                threshold=self.threshold,
                seed=cycle.generator("pseudo-labels").initial_seed() % 2**31,
            )
        )
        cycle.diagnostics["pseudo_labels"] = len(pseudo)
        if len(pseudo) == 0:
            return ranker
        places = np.concatenate([known, pseudo])
        classes = np.concatenate([answers, table[pseudo].argmax(axis=1)])
        losses = -np.log(np.maximum(table[places, classes], SMALLEST))
        trained = copy.deepcopy(ranker).train()
        with seeding.fence(cycle.generator("ranker").initial_seed()), torch.enable_grad():
            self._steps(
                trained,
                taps[torch.from_numpy(places).to(taps.device)],
                torch.from_numpy(losses).to(taps),
                cycle,
            )
        return trained.eval()

    def _steps(self, ranker: LossPredictor, taps: Tensor, losses: Tensor, cycle: Cycle) -> None:
        optimizer = without_compiler(torch.optim.Adam)(ranker.parameters(), lr=self.ranker_rate)
        widths = [tap.channels for tap in cycle.model.spec.taps]
        for _ in range(self.ranker_steps):
            some = torch.randperm(len(taps))[: self.batch_size].to(taps.device)
            loss = order_loss("spearman", ranker(taps[some].split(widths, dim=1)), losses[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _seen(output: Output) -> Tensor:
    """Return pooled taps, probabilities and embeddings side by side, [B, channels + classes + D]."""
    assert output.probabilities is not None and output.embedding is not None
    pooled = [tap.flatten(2).mean(dim=2) if tap.dim() > 2 else tap for tap in output.features]
    table = output.probabilities
    mean = table.flatten(2).mean(dim=2) if table.dim() > 2 else table
    return torch.cat([*pooled, mean, output.embedding.flatten(1)], dim=1)


def _places(indices: Indices, wanted: Indices) -> Indices:
    """Return where in `indices` each wanted index is."""
    order = np.argsort(indices, kind="stable")
    return order[np.searchsorted(indices, wanted, sorter=order)]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [SSVAAL]
