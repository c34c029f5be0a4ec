"""Views of rows in files: the same numbers as rows in memory, and never all of them at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from alkit.distances import RowView, k_center, k_means, k_means_plus_plus, neighbor_distances
from alkit.utils import mapped_files

INDEX = np.setdiff1d(np.arange(3000), np.arange(1, 3000, 7))


@pytest.fixture(params=[np.float16, np.float32])
def file(request, tmp_path):
    rows = np.random.default_rng(0).standard_normal((3000, 6)).astype(request.param)
    np.save(tmp_path / "rows.npy", rows)
    return np.load(tmp_path / "rows.npy", mmap_mode="r")


@pytest.mark.parametrize("unit", [False, True])
def test_distances_to_rows_of_a_file_are_those_in_memory(file, unit, monkeypatch):
    monkeypatch.setattr(mapped_files, "MOST_MAPPED", 1000)  # pages are let go of
    view, rows = RowView(file, INDEX), torch.from_numpy(np.array(file[INDEX], dtype=np.float32))
    if unit:
        view, rows = view.normalized(), normalize(rows, dim=1)
    assert torch.equal(view[:].float(), rows)
    np.testing.assert_array_equal(neighbor_distances(view, 3), neighbor_distances(rows, 3))
    mine, other = k_means(view, 5), k_means(rows, 5)
    np.testing.assert_array_equal(mine.cluster, other.cluster)
    np.testing.assert_array_equal(mine.distances, other.distances)
    factors = torch.rand(len(rows), 4)
    drawn = [
        k_means_plus_plus(some, 40, factors=factors, first="largest", rng=np.random.default_rng(1)).indices
        for some in (view, rows)
    ]
    np.testing.assert_array_equal(*drawn)
    centers = [k_center(some, np.arange(5), 20).indices for some in (view, rows)]
    np.testing.assert_array_equal(*centers)


def test_a_view_is_indexed_as_a_tensor_is(file):
    view, rows = RowView(file, INDEX), torch.from_numpy(np.array(file[INDEX]))
    some = torch.tensor([5, 9, 7, 9])  # as far apart as rows that follow each other
    assert torch.equal(view[some], rows[some])
    assert torch.equal(view.index_select(0, some), rows[some])
    assert torch.equal(view[1:4], rows[1:4])
    assert torch.equal(view[10:5], rows[10:5])
    assert torch.equal(view.narrowed(np.array([2, 8]))[:], rows[[2, 8]])
    assert (view.shape, view.dtype, len(view)) == ((len(INDEX), 6), rows.dtype, len(rows))
