"""Distances between feature rows, in blocks and decided in float64: greedy k-center, nearest centre."""

from __future__ import annotations

from .kcenter import KCenter, k_center
from .nearest import nearest_distance

__all__ = ["KCenter", "k_center", "nearest_distance"]
