"""TypiClust and ProbCover next to scikit-activeml's, on pools small enough to ask both.

    python benchmarks/peers_representative.py        # needs scikit-activeml 1.0

TypiClust is given alkit's clusters on both sides, so that only the choice within them is compared, and 20
neighbours; ProbCover is given the radius, and asked whether any image would have covered more than each of
alkit's picks. (Ties are broken at random there, by the lower index here.)
"""

from __future__ import annotations

import sys
import warnings

import common
import numpy as np
import torch
from alkit_plugins import clusters
from alkit_plugins.probcover import cover
from alkit_plugins.typiclust import mean_distances
from skactiveml.pool import ProbCover, TypiClust

from alkit.distances import Balls, k_means

POOLS = 10
COUNT, LABELED, BUDGET = 1_500, 20, 15


def pool(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw embeddings [N, 16] of length one; what is labeled, as positions and as scikit-activeml has it."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((8, 16))[rng.integers(0, 8, COUNT)] + 0.6 * rng.standard_normal((COUNT, 16))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    labeled = np.sort(rng.choice(COUNT, LABELED, replace=False))
    answers = np.full(COUNT, np.nan)
    answers[labeled] = 0.0
    return unit, labeled, answers


class Given:
    """A clustering that scikit-activeml can ask for, and that is alkit's."""

    def __init__(self, n_clusters: int) -> None:
        self.n_clusters = n_clusters

    def fit_predict(self, rows: np.ndarray) -> np.ndarray:
        return k_means(rows, self.n_clusters).cluster


def typiclust(seed: int) -> tuple[list[tuple[int, bool]], list[tuple[int, bool]]]:
    """Return the sizes of the clusters chosen from, and whether the most typical member was chosen.

    Clusters of one size come in any order there, and the last one that is asked may be another.
    """
    unit, labeled, answers = pool(seed)
    theirs = TypiClust(cluster_algo=Given, k=20, random_state=0).query(unit, answers, batch_size=BUDGET)
    cluster = k_means(unit, LABELED + BUDGET).cluster
    distance = mean_distances(torch.from_numpy(unit), cluster, 20)
    left = np.setdiff1d(np.arange(COUNT), labeled)
    ours = clusters.in_turn(cluster, distance, labeled, left, BUDGET)

    def described(picks: np.ndarray) -> list[tuple[int, bool]]:
        members = [np.flatnonzero(cluster == cluster[pick]) for pick in picks]
        best = [bool(distance[pick] == distance[own].min()) for pick, own in zip(picks, members, strict=True)]
        return list(zip(map(len, members), best, strict=True))

    return described(ours), described(theirs)


def probcover(seed: int, radius: float = 0.6) -> tuple[list[int], list[int]]:
    """Return how many images each pick of alkit covers, and the most that any would by scikit-activeml.

    Both by the picks that alkit has made so far: one other choice between two equals changes all that follow.
    """
    unit, labeled, answers = pool(seed)
    left = np.setdiff1d(np.arange(COUNT), labeled)
    picks, gains, _ = cover(Balls(unit, radius), labeled, left, BUDGET)
    strategy = ProbCover(n_classes=8, deltas=[radius], random_state=0)
    most = []
    for pick in picks:
        _, utilities = strategy.query(unit, answers, return_utilities=True)
        most.append(int(np.nanmax(utilities)))
        answers[pick] = 0.0
    return gains.tolist(), most


def main() -> None:
    given = common.parser(__doc__).parse_args()
    warnings.filterwarnings("ignore", "The maximum purity was -1")  # the radius is given, not looked for
    failed = 0
    for name, compare, what in (
        ("typiclust", typiclust, "the most typical of clusters as large, in the same order"),
        ("probcover", probcover, "each pick covers as much as any could"),
    ):
        same = sum(ours == theirs for ours, theirs in map(compare, range(POOLS)))
        print(f"{name}: {what} on {same} of {POOLS} pools")
        failed += same < POOLS
    print(common.about(given, packages=("scikit-activeml", "scikit-learn")))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
