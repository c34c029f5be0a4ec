"""Features for kernels, and blocks so small that few rows go through all that many do."""

from __future__ import annotations

import numpy as np
import pytest

from alkit.distances import balls, kmeans, neighbors


@pytest.fixture
def tiny_blocks(monkeypatch):
    for module in (balls, kmeans, neighbors):
        monkeypatch.setattr(module, "BLOCK", 7)
    for module in (balls, neighbors):
        monkeypatch.setattr(module, "PAIRS", 6)
    monkeypatch.setattr(neighbors, "SPARE", 2)
    monkeypatch.setattr(kmeans, "SMALLEST", 20)


@pytest.fixture
def squares_of():
    """All squared distances by subtraction in float64."""

    def squares(features):
        rows = np.asarray(features, dtype=np.float64)
        return ((rows[:, None] - rows[None]) ** 2).sum(axis=2)

    return squares
