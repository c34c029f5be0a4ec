"""A graph network that tells labeled images from unlabeled ones: the sampler of UncertainGCN and CoreGCN.

Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network for Active Learning, CVPR 2021. Nodes are
embeddings X of length one, and edges their inner products. The published adjacency, (X X' - I) D^-1 + I, is
N x N; it is applied here in factors, X (X' H), which is the same product and never needs N x N numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import alkit
from alkit import seeding
from alkit.errors import TrainingDiverged, TrainingError

from . import candidates
from .diagnosis import area_under_curve

if TYPE_CHECKING:
    from alkit import Cycle, Indices


class Graph:
    """The nodes of a graph, and what they hand on to each other.

    A degree is the sum of a node's inner products with all others. It is at least one here, which changes
    nothing for embeddings after a ReLU in all but the smallest pools, and keeps sums that are next to zero
    or below from being divided by.

    Attributes:
        nodes: [N, D] embeddings of length one; a zero stays.
        mixed: [N, D] the nodes, handed on once.
    """

    def __init__(self, features: Tensor) -> None:
        self.nodes = F.normalize(features, dim=1)
        self._own = self.nodes.square().sum(dim=1, keepdim=True)
        degree = (self.nodes @ self.nodes.sum(dim=0)).unsqueeze(1) - self._own
        self._inverse = 1.0 / degree.clamp(min=1.0)
        self.mixed = self.hand_on(self.nodes)

    def hand_on(self, values: Tensor) -> Tensor:
        """Multiply the adjacency with values [N, H]."""
        shares = values * self._inverse
        return self.nodes @ (self.nodes.T @ shares) - self._own * shares + values


class GCN(nn.Module):
    """Two graph convolutions, with ReLU and dropout between them.

    Args:
        width: of the embeddings.
        hidden: of the layer between.
        dropout: share of hidden values set to zero in training.
    """

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, 1)
        self.dropout = dropout
        for layer in (self.inner, self.outer):
            bound = 1.0 / math.sqrt(layer.out_features)
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def forward(self, graph: Graph) -> tuple[Tensor, Tensor]:
        """Return logits [N], higher is "labeled", and hidden features [N, hidden]."""
        hidden = F.dropout(F.relu(self.inner(graph.mixed)), self.dropout, self.training)
        logits = graph.hand_on(hidden @ self.outer.weight.T) + self.outer.bias
        return logits.squeeze(1), hidden


def graph_loss(logits: Tensor, labeled: int, weight: float) -> Tensor:
    """Return the mean cross-entropy of the labeled nodes, plus `weight` times that of the others.

    Args:
        logits: [N], those of labeled nodes first.
        labeled: how many they are.
        weight: of the unlabeled nodes; lambda in the paper.
    """
    return -F.logsigmoid(logits[:labeled]).mean() - weight * F.logsigmoid(-logits[labeled:]).mean()


@dataclass(kw_only=True)
class GCNStrategy(alkit.Strategy):
    """What UncertainGCN and CoreGCN share: the network and its training."""

    needs = frozenset({"embedding"})
    paper = "Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network, CVPR 2021"

    hidden: int = alkit.option(128, "width of the hidden layer", minimum=1)
    dropout: float = alkit.option(
        0.3, "share of hidden values dropped in training", minimum=0.0, maximum=0.99
    )
    epochs: int = alkit.option(200, "steps of Adam, each over the whole graph", minimum=1)
    learning_rate: float = alkit.option(1e-3, "of Adam", minimum=0.0)
    weight_decay: float = alkit.option(5e-4, "of Adam", minimum=0.0)
    unlabeled_weight: float = alkit.option(
        1.2, "of unlabeled images in the loss; lambda in the paper", minimum=0.0
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def learned(self, cycle: Cycle, asked: Indices) -> tuple[Tensor, Tensor]:
        """Train the network; return logits [L + m] and hidden features [L + m, hidden], labeled nodes first.

        Raises:
            TrainingError: nothing is labeled yet.
            TrainingDiverged: the logits are not finite.
        """
        count = len(cycle.labeled)
        if count == 0:
            raise TrainingError(
                f"{self.name} compares with labeled images, and none is; label a few at random first"
            )
        features = cycle.embeddings(np.concatenate([cycle.labeled, asked]))
        with cycle.measure("graph"), seeding.fence(cycle.generator("gcn").initial_seed()):
            graph = Graph(features)
            network = GCN(features.shape[1], self.hidden, self.dropout).to(features.device)
            self._train(cycle, network, graph, count)
            network.eval()
            with torch.no_grad():
                logits, hidden = network(graph)
        if not torch.isfinite(logits).all():
            raise TrainingDiverged(f"{self.name}'s network gives no finite confidence; lower learning-rate")
        values = logits.double().cpu().numpy()
        auc = area_under_curve(values[:count], values[count:])
        cycle.diagnostics["graph_auc"] = round(auc, 4)
        cycle.progress.line(f"{self.name}: graph of {len(logits):,} images, auc {auc:.4f}")
        return logits, hidden

    def _train(self, cycle: Cycle, network: GCN, graph: Graph, labeled: int) -> None:
        optimizer = torch.optim.Adam(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        with cycle.progress.bar(self.epochs, "graph") as bar, torch.enable_grad():
            for _ in range(self.epochs):
                loss = graph_loss(network(graph)[0], labeled, self.unlabeled_weight)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                bar.update(1)
