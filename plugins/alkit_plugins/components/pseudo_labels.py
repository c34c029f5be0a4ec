"""Pseudo-labels for images on which the model and a clustering agree.

Lyu and Beksi, Semi-Supervised Variational Adversarial Active Learning via Learning to Rank and
Agreement-Based Pseudo Labeling, ICPR 2024. Each cluster of embeddings stands for the class that most of its
labeled images have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alkit.distances import k_means

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from alkit import Indices


def agreed(
    probabilities: npt.NDArray[np.float64],
    features: Tensor,
    known: Indices,
    answers: Indices,
    *,
    threshold: float,
    seed: int,
) -> npt.NDArray[np.bool_]:
    """Return which images get their predicted class as pseudo-label, [N]; never those that are labeled.

    Args:
        probabilities: [N, classes].
        features: [N, D], which are clustered, one cluster for each class.
        known: [n] rows that are labeled.
        answers: [n] their classes.
        threshold: the probability that the predicted class needs.
        seed: of the clustering.
    """
    classes = probabilities.shape[1]
    cluster = k_means(features, classes, seed=seed).cluster
    counts = np.zeros((int(cluster.max()) + 1, classes), dtype=np.int64)
    within = (answers >= 0) & (answers < classes)
    np.add.at(counts, (cluster[known[within]], answers[within]), 1)
    meaning = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    found: npt.NDArray[np.bool_] = (probabilities.max(axis=1) >= threshold) & (
        meaning[cluster] == probabilities.argmax(axis=1)
    )
    found[known] = False
    return found
