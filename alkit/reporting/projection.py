"""Embeddings in the plane: by principal components, or by t-SNE."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Points = npt.NDArray[np.float64]


COMPONENTS = 50
"""Principal components that t-SNE starts from."""


def by_components(embeddings: npt.NDArray[np.float32]) -> tuple[Points, float]:
    """Project [N, D] embeddings to their first two principal components.

    Returns:
        [N, 2], and the share of the variance that they hold.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415  # scikit-learn is slow to import

    pca = PCA(2, random_state=0)
    xy: Points = pca.fit_transform(embeddings.astype("float64"))
    return xy, float(pca.explained_variance_ratio_.sum())


def by_neighbourhoods(embeddings: npt.NDArray[np.float32]) -> Points:
    """Project [N, D] embeddings to [N, 2] by t-SNE (van der Maaten and Hinton, 2008), in one thread.

    Threads of scikit-learn's t-SNE wait for each other at every step, which takes minutes instead of seconds
    when processors are busy. In one thread the result is also the same everywhere.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415  # scikit-learn is slow to import
    from sklearn.manifold import TSNE  # noqa: PLC0415  # scikit-learn is slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # only needed here

    reduced = PCA(min(COMPONENTS, *embeddings.shape), random_state=0).fit_transform(embeddings)
    perplexity = min(30.0, (len(embeddings) - 1) / 4)
    with threadpool_limits(1):
        xy: Points = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    return xy
