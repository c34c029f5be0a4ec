"""ProbCover: Yehuda, Dekel, Hacohen and Weinshall, Active Learning Through a Covering Lens, NeurIPS 2022.

Greedy maximum coverage by balls of one radius around embeddings of length one. The published code drops the
last rows of its graph, up to 499 of them, and continues with image 0 once all images are covered; here no row
is dropped, and the remaining choices are then the images farthest from all labeled and chosen ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.nn.functional import normalize

import alkit
from alkit.distances import Balls, k_center, k_means, nearest_distance

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from alkit import Cycle, Indices


JUDGED = 5_000  # number of images whose balls decide on the radius
DIAMETER = 2.0  # of the unit sphere; a ball of this radius covers everything


@dataclass(kw_only=True)
class ProbCover(alkit.Strategy):
    """Choose, one at a time, the image whose ball covers the most images not covered yet."""

    name = "probcover"
    kind = "diversity"
    needs = frozenset({"embedding"})
    needs_labels = False
    paper = "Yehuda, Dekel, Hacohen and Weinshall, Active Learning Through a Covering Lens, NeurIPS 2022"

    radius: float | None = alkit.option(
        None,
        "radius of the balls, between embeddings of length one; auto: by purity",
        minimum=0.0,
        maximum=DIAMETER,
    )
    purity: float = alkit.option(
        0.95, "share of balls that contain only one pseudo-class", minimum=0.0, maximum=1.0
    )
    pseudo_classes: int | None = alkit.option(
        None, "number of clusters to measure purity with; auto: the number of classes", minimum=2
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the number of images that the candidate newly covered."""
        pool = cycle.labeled_and_candidates
        labeled, candidates = (np.searchsorted(pool, index) for index in (cycle.labeled, cycle.candidates))
        unit = normalize(cycle.embeddings(pool), dim=1)
        with cycle.measure("select"):
            radius = self._radius(cycle, unit) if self.radius is None else self.radius
            chosen, gains, covered = cover(Balls(unit, radius), labeled, candidates, n)
            known = np.concatenate([labeled, chosen])
            rest = k_center(unit, known, n - len(chosen), candidates=candidates).indices
        cycle.record_scores(pool[chosen], gains)
        cycle.diagnostics.update({"radius": radius, "coverage": covered, "picks_that_cover": len(chosen)})
        if len(rest):
            cycle.progress.line(
                f"{self.name}: picks that cover all that balls of radius {radius:.3g} can cover: "
                f"{len(chosen)}; picks that are the farthest from all labeled and chosen images: {len(rest)}"
            )
        return pool[np.concatenate([chosen, rest])]

    def _radius(self, cycle: Cycle, unit: Tensor) -> float:
        classes = self.pseudo_classes or max(2, cycle.model.spec.num_outputs)
        cluster = k_means(unit, classes, seed=int(cycle.rng.integers(2**31)), iterations=100).cluster
        judged = np.arange(len(unit))
        if len(judged) > JUDGED:
            judged = np.sort(cycle.rng.choice(judged, JUDGED, replace=False))
        return pure_radius(unit, cluster, judged, self.purity)


def pure_radius(features: Tensor, cluster: Indices, judged: Indices, purity: float) -> float:
    """Return the largest radius at which a share of the closed balls contains rows of one cluster only.

    A ball is pure up to the distance of the nearest row of another cluster, so the radius is just under a
    quantile of these distances.

    Args:
        features: [N, D].
        cluster: [N] pseudo-class of each row.
        judged: the rows whose balls count.
        purity: the share, from 0 to 1.
    """
    distance = np.full(len(cluster), np.inf)
    for number in np.unique(cluster):
        own, others = judged[cluster[judged] == number], np.flatnonzero(cluster != number)
        if len(own) and len(others):
            distance[own] = nearest_distance(features[own], features[others])
    ordered = np.sort(distance[judged])
    first = min(int((1.0 - purity) * len(ordered) + 1e-9), len(ordered) - 1)
    return float(min(np.nextafter(ordered[first], 0.0), DIAMETER))


def cover(
    balls: Balls, labeled: Indices, candidates: Indices, n: int
) -> tuple[Indices, npt.NDArray[np.int64], float]:
    """Choose up to n candidates greedily, each time the one that covers the most rows not covered yet.

    In a tie, the lower row comes first. The choice ends when no candidate covers anything new.

    Returns:
        The chosen rows, the number of rows that each newly covered, and the share of rows covered in the end.
    """
    covered = balls.count(labeled) > 0
    met = np.flatnonzero(covered)
    # Counting all pairs looks at each pair once, which is cheaper if little is covered.
    few = 4 * len(met) < len(covered)
    gain = balls.sizes() - balls.count(met) if few else balls.count(np.flatnonzero(~covered))
    allowed = np.zeros(len(covered), dtype=np.bool_)
    allowed[candidates] = True
    chosen: list[int] = []
    gains: list[int] = []
    while len(chosen) < n:
        pick = int(np.where(allowed, gain, 0).argmax())
        if not (allowed[pick] and gain[pick]):
            break
        chosen.append(pick)
        gains.append(int(gain[pick]))
        new = np.flatnonzero((balls.count(np.array([pick])) > 0) & ~covered)
        covered[new] = True
        gain -= balls.count(new)
    return np.array(chosen, dtype=np.int64), np.array(gains, dtype=np.int64), float(covered.mean())


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [ProbCover]
