"""Distances between feature rows, in blocks: k-center, neighbours, balls, k-means and k-means++ seeding."""

from __future__ import annotations

from .balls import Balls
from .kcenter import KCenter, k_center
from .kmeans import KMeansResult, k_means
from .kmeanspp import KMeansPlusPlus, k_means_plus_plus
from .nearest import nearest_distance
from .neighbors import neighbor_distances
from .row_view import RowView

__all__ = [
    "Balls",
    "KCenter",
    "KMeansPlusPlus",
    "KMeansResult",
    "RowView",
    "k_center",
    "k_means",
    "k_means_plus_plus",
    "nearest_distance",
    "neighbor_distances",
]
