"""Cases of `peers`: strategies that look at embeddings, which both get as the same matrix.

To compare answers, both choose within alkit's clusters in TypiClust and get the radius in ProbCover. There,
scikit-activeml is asked whether any image would have covered more than each of alkit's picks, because it
breaks ties at random and alkit by the lower index. To compare costs, each finds its own clusters.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from skactiveml.pool import CoreSet, ProbCover, TypiClust

from alkit.distances import Balls, k_center, k_means
from alkit_plugins.components import clusters
from alkit_plugins.strategies.diversity.probcover import cover
from alkit_plugins.strategies.diversity.typiclust import mean_distances

from .uncertain import Case, Findings, Works, same_picks

POOLS, SMALL = 10, 1_500  # on which answers are compared
LABELED, BUDGET = 20, 15
DIM, RADIUS, NEIGHBORS = 16, 0.6, 20

warnings.filterwarnings("ignore", "The maximum purity was -1")  # the radius is given, not looked for


def pool(seed: int, count: int = SMALL) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw embeddings [N, 16] of length one, and labels as positions and in scikit-activeml's form."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((8, DIM))[rng.integers(0, 8, count)] + 0.6 * rng.standard_normal((count, DIM))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    labeled = np.sort(rng.choice(count, LABELED, replace=False))
    answers = np.full(count, np.nan)
    answers[labeled] = 0.0
    return unit, labeled, answers


class Given:
    """alkit's clustering, in a form that scikit-activeml can use."""

    def __init__(self, n_clusters: int) -> None:
        self.n_clusters = n_clusters

    def fit_predict(self, rows: np.ndarray) -> np.ndarray:
        return k_means(rows, self.n_clusters).cluster


def coreset(count: int) -> Works:
    unit, labeled, answers = pool(0, count)
    return {
        "alkit": lambda: k_center(unit, labeled, BUDGET).indices.tolist(),
        "scikit-activeml": lambda: CoreSet(random_state=0).query(unit, answers, batch_size=BUDGET).tolist(),
    }


def typical(unit: np.ndarray, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return alkit's picks, clusters and mean distances."""
    cluster = k_means(unit, LABELED + BUDGET).cluster
    distance = mean_distances(torch.from_numpy(unit), cluster, NEIGHBORS)
    left = np.setdiff1d(np.arange(len(unit)), labeled)
    return clusters.in_turn(cluster, distance, labeled, left, BUDGET), cluster, distance


def typiclust(count: int) -> Works:
    unit, labeled, answers = pool(0, count)
    theirs = TypiClust(k=NEIGHBORS, random_state=0)
    return {
        "alkit": lambda: typical(unit, labeled)[0],
        "scikit-activeml": lambda: theirs.query(unit, answers, batch_size=BUDGET),
    }


def same_clusters(seed: int) -> bool:
    """Compare the sizes of the picks' clusters, and whether the picks are their most typical members.

    scikit-activeml takes clusters of equal size in any order, so its last cluster may be another.
    """
    unit, labeled, answers = pool(seed)
    ours, cluster, distance = typical(unit, labeled)
    strategy = TypiClust(cluster_algo=Given, k=NEIGHBORS, random_state=0)
    theirs = strategy.query(unit, answers, batch_size=BUDGET)

    def described(picks: np.ndarray) -> list[tuple[int, bool]]:
        members = [np.flatnonzero(cluster == cluster[pick]) for pick in picks]
        best = [bool(distance[pick] == distance[own].min()) for pick, own in zip(picks, members, strict=True)]
        return list(zip(map(len, members), best, strict=True))

    return described(ours) == described(theirs)


def probcover(count: int) -> Works:
    unit, labeled, answers = pool(0, count)
    left = np.setdiff1d(np.arange(count), labeled)
    theirs = ProbCover(n_classes=8, deltas=[RADIUS], random_state=0)
    return {
        "alkit": lambda: cover(Balls(unit, RADIUS), labeled, left, BUDGET)[0],
        "scikit-activeml": lambda: theirs.query(unit, answers, batch_size=BUDGET),
    }


def same_gains(seed: int) -> bool:
    """Compare how many images each pick of alkit covers with the most that any would in scikit-activeml.

    Both start from alkit's picks so far, because another choice between two equals changes all later picks.
    """
    unit, labeled, answers = pool(seed)
    left = np.setdiff1d(np.arange(SMALL), labeled)
    picks, gains, _ = cover(Balls(unit, RADIUS), labeled, left, BUDGET)
    strategy = ProbCover(n_classes=8, deltas=[RADIUS], random_state=0)
    most = []
    for pick in picks:
        _, utilities = strategy.query(unit, answers, return_utilities=True)
        most.append(int(np.nanmax(utilities)))
        answers[pick] = 0.0
    return gains.tolist() == most


def on_pools(compare: Callable[[int], bool], what: str) -> Findings:
    same = sum(map(compare, range(POOLS)))
    return [(f"{what} on {same} of {POOLS} pools", same == POOLS)]


CASES = {
    "coreset": Case(coreset, partial(same_picks, coreset)),
    "typiclust": Case(
        typiclust,
        partial(
            on_pools,
            same_clusters,
            "the most typical images of clusters of the same sizes, in the same order",
        ),
    ),
    "probcover": Case(probcover, partial(on_pools, same_gains, "each pick covers as much as any could")),
}
