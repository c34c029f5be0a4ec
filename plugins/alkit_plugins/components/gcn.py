"""A graph network that tells labeled images from unlabeled ones: the sampler of UncertainGCN and CoreGCN.

Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network for Active Learning, CVPR 2021. Nodes are
embeddings X of length one, and edges are their inner products. The published adjacency,
(X X' - I) D^-1 + I, is N x N; here it is applied in factors, X (X' H), which gives the same product and never
needs N x N numbers.
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
from alkit.training import without_compiler

from . import candidates
from .diagnosis import area_under_curve

if TYPE_CHECKING:
    from alkit import Cycle, Indices


class Graph:
    """The nodes of a graph, and how they pass values to each other.

    A degree is the sum of a node's inner products with all others. Here it is at least one, which avoids
    division by values near or below zero. For embeddings after a ReLU this changes nothing, except in the
    smallest pools.

    Attributes:
        nodes: [N, D] embeddings of length one; a zero row stays zero.
        mixed: [N, D] the nodes, passed on once.
    """

    def __init__(self, features: Tensor) -> None:
        self.nodes = F.normalize(features, dim=1)
        self._own = self.nodes.square().sum(dim=1, keepdim=True)
        degree = (self.nodes @ self.nodes.sum(dim=0)).unsqueeze(1) - self._own
        self._inverse = 1.0 / degree.clamp(min=1.0)
        self.mixed = self.pass_on(self.nodes)

    def pass_on(self, values: Tensor) -> Tensor:
        """Multiply the adjacency by values [N, H]."""
        shares = values * self._inverse
        return self.nodes @ (self.nodes.T @ shares) - self._own * shares + values


class GCN(nn.Module):
    """Two graph convolutions, with ReLU and dropout between them.

    Args:
        width: width of the embeddings.
        hidden: width of the hidden layer.
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
        """Return logits [N], higher means "labeled", and hidden features [N, hidden]."""
        hidden = F.dropout(F.relu(self.inner(graph.mixed)), self.dropout, self.training)
        logits = graph.pass_on(hidden @ self.outer.weight.T) + self.outer.bias
        return logits.squeeze(1), hidden


def graph_loss(logits: Tensor, labeled: int, weight: float) -> Tensor:
    """Return the mean cross-entropy of the labeled nodes, plus `weight` times that of the others.

    Args:
        logits: [N], first those of labeled nodes.
        labeled: number of labeled nodes.
        weight: weight of the unlabeled nodes; lambda in the paper.
    """
    return -F.logsigmoid(logits[:labeled]).mean() - weight * F.logsigmoid(-logits[labeled:]).mean()


@dataclass(kw_only=True)
class GCNStrategy(alkit.Strategy):
    """Base of UncertainGCN and CoreGCN: the graph network and its training."""

    needs = frozenset({"embedding"})
    paper = "Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network, CVPR 2021"

    hidden: int = alkit.option(128, "width of the hidden layer", minimum=1)
    dropout: float = alkit.option(
        0.3, "share of hidden values to drop in training", minimum=0.0, maximum=0.99
    )
    epochs: int = alkit.option(200, "steps of Adam, each over the whole graph", minimum=1)
    learning_rate: float = alkit.option(1e-3, "learning rate of Adam", minimum=0.0)
    weight_decay: float = alkit.option(5e-4, "weight decay of Adam", minimum=0.0)
    unlabeled_weight: float = alkit.option(
        1.2, "weight of unlabeled images in the loss; lambda in the paper", minimum=0.0
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def learned(self, cycle: Cycle, asked: Indices) -> tuple[Tensor, Tensor]:
        """Train the network; return logits [L + m] and hidden features [L + m, hidden], labeled nodes first.

        Raises:
            TrainingError: no image is labeled yet.
            TrainingDiverged: the logits are not finite.
        """
        count = len(cycle.labeled)
        if count == 0:
            raise TrainingError(
                f"{self.name} compares images with labeled ones, but no image is labeled; label a few at "
                "random first"
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
            raise TrainingDiverged(
                f"the network of {self.name} returns values that are not finite; lower learning-rate"
            )
        values = logits.double().cpu().numpy()
        auc = area_under_curve(values[:count], values[count:])
        cycle.diagnostics["graph_auc"] = round(auc, 4)
        cycle.progress.line(f"{self.name}: graph of {len(logits):,} images, AUC {auc:.4f}")
        return logits, hidden

    def _train(self, cycle: Cycle, network: GCN, graph: Graph, labeled: int) -> None:
        optimizer = without_compiler(torch.optim.Adam)(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        with cycle.progress.bar(self.epochs, "graph") as bar, torch.enable_grad():
            for _ in range(self.epochs):
                loss = graph_loss(network(graph)[0], labeled, self.unlabeled_weight)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                bar.update(1)
