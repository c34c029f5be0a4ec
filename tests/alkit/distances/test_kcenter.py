"""Greedy k-center and nearest distances against float64 brute force."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alkit.distances import nearest as nearest_module
from alkit.distances import round_selection
from alkit.distances import rows as rows_module
from alkit.distances import search as search_module
from alkit.distances.kcenter import k_center
from alkit.distances.nearest import nearest_distance

GOLDEN = Path(__file__).parents[2] / "goldens" / "kcenter.npz"


def brute_force(features, labeled, n, candidates=None):
    """The definition: all distances by subtraction in float64, ties to the lowest index."""
    rows = np.asarray(features, dtype=np.float64)
    square = np.full(len(rows), np.inf)
    for centre in labeled:
        square = np.minimum(square, ((rows - rows[centre]) ** 2).sum(axis=1))
    allowed = np.zeros(len(rows), dtype=bool)
    allowed[np.arange(len(rows)) if candidates is None else candidates] = True
    allowed[labeled] = False
    picks, distances = [], []
    for _ in range(n):
        pick = int(np.where(allowed, square, -1.0).argmax())
        picks.append(pick)
        distances.append(np.sqrt(square[pick]))
        allowed[pick] = False
        square = np.minimum(square, ((rows - rows[pick]) ** 2).sum(axis=1))
    radius = np.sqrt(square[allowed].max()) if allowed.any() else 0.0
    return np.array(picks), np.array(distances), radius


def assert_same(result, expected):
    picks, distances, radius = expected
    assert result.indices.tolist() == picks.tolist()
    assert result.indices.dtype == np.int64
    np.testing.assert_allclose(result.distances, distances, rtol=1e-12, atol=1e-300)
    assert result.radius == pytest.approx(radius, rel=1e-12)


def mixture(count, dim, seed, centres=12, intrinsic=6):
    """Relu features of low intrinsic dimension, in clusters, away from the origin."""
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((centres, intrinsic))[rng.integers(0, centres, count)] * 2
    latent += rng.standard_normal((count, intrinsic)) * 0.5
    return np.maximum(latent @ rng.standard_normal((intrinsic, dim)) + 0.5, 0.0).astype(np.float32)


# -- against known answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "same_sequence"), [("c0", True), ("c1", True), ("c2", False), ("c3", True), ("c4", True)]
)
def test_golden_kcenter(case, same_sequence):
    with np.load(GOLDEN) as arrays:
        golden = {name[3:]: arrays[name] for name in arrays if name.startswith(case)}
    result = k_center(golden["X"], golden["labeled"], len(golden["selected"]))
    if same_sequence:  # elsewhere best and second are within 1e-4 of each other
        assert result.indices.tolist() == golden["selected"].tolist()
    np.testing.assert_allclose(result.distances, golden["pick_dist"], rtol=1e-9)
    assert result.radius == pytest.approx(float(golden["final_radius"]), rel=1e-9)


def test_four_points_on_a_line():
    result = k_center(np.array([[0.0], [10.0], [4.0], [7.0]], dtype=np.float32), [0], 3)
    assert result.indices.tolist() == [1, 2, 3]
    assert result.distances.tolist() == [10.0, 4.0, 3.0]
    assert result.radius == 0.0


@pytest.mark.parametrize(
    ("count", "labeled", "n", "dim"),
    [
        (900, 200, 300, 64),
        (1500, 2, 500, 8),
        (1200, 700, 400, 100),
        (1000, 1, 400, 3),
        (40, 5, 35, 16),
        (3, 1, 2, 1),
    ],
)
@pytest.mark.parametrize("kind", ["normal", "mixture"])
def test_same_as_brute_force(count, labeled, n, dim, kind):
    rng = np.random.default_rng(count + labeled)
    features = mixture(count, dim, 3) if kind == "mixture" else rng.standard_normal((count, dim)) + 3
    features = features.astype(np.float32)
    centres = rng.choice(count, labeled, replace=False)
    assert_same(k_center(features, centres, n), brute_force(features, centres, n))


def test_many_rounds_and_blocks():
    """More labeled, picks and candidates than one block or one round holds."""
    rng = np.random.default_rng(5)
    features, centres = mixture(6000, 16, 8, centres=40), rng.choice(6000, 1300, replace=False)
    assert_same(k_center(features, centres, 1200), brute_force(features, centres, 1200))


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Rounds of 4 candidates and blocks of 5: a small pool goes through all that a large one does."""
    for module, names in (
        (search_module, {"ROUND": 4, "CENTRES": 5, "BLOCK": 7}),
        (round_selection, {"GRAM": 3}),
        (nearest_module, {"CENTRES": 5, "BLOCK": 7, "PAIRS": 6}),
    ):
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("levels", [2, 3, 5, 200])
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_rounds_and_blocks_in_small(tiny_blocks, levels, seed):
    """Few levels: most distances are tied, inside a round and across its edge."""
    rng = np.random.default_rng(seed)
    count, dim = int(rng.integers(30, 150)), int(rng.integers(1, 5))
    features = rng.integers(0, levels, (count, dim)).astype(np.float32)
    labeled = rng.choice(count, int(rng.integers(1, 25)), replace=False)
    for n in (3, (count - len(labeled)) // 3, count - len(labeled)):
        assert_same(k_center(features, labeled, n), brute_force(features, labeled, n))


def test_large_offset_does_not_cost_precision():
    features = np.random.default_rng(0).standard_normal((600, 32)).astype(np.float32) + 1000.0
    assert_same(k_center(features, [3, 4], 200), brute_force(features, [3, 4], 200))


def test_near_ties_are_decided_in_float64():
    """On a sphere around the only centre, 1e-7 apart in radius: float32 cannot order them."""
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((400, 64))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    features = np.concatenate([np.zeros((1, 64)), directions * (1 + 1e-7 * rng.random((400, 1)))]).astype(
        np.float32
    )
    assert_same(k_center(features, [0], 100), brute_force(features, [0], 100))


def test_nearly_equidistant_centres_are_decided_in_float64():
    """Centres 1e-7 apart in distance from every point: the nearest in float32 is often another one."""
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((300, 64))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = (directions * (1 + 1e-7 * rng.random((300, 1)))).astype(np.float32)
    points = (1e-6 * rng.standard_normal((50, 64))).astype(np.float32)
    found = nearest_distance(points, centres)
    wide = centres.astype(np.float64)
    expected = [np.sqrt(((wide - row) ** 2).sum(axis=1).min()) for row in points.astype(np.float64)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_only_candidates_are_chosen():
    features, candidates = mixture(500, 12, 0), np.arange(7, 400, 3)
    result = k_center(features, [1, 2, 10], 60, candidates=candidates)
    assert_same(result, brute_force(features, [1, 2, 10], 60, candidates))
    assert set(result.indices) <= set(candidates) - {10}


def test_candidates_in_any_order_and_repeated():
    features = mixture(300, 12, 0)
    plain = k_center(features, [5, 1], 40, candidates=np.arange(20, 200))
    shuffled = np.random.default_rng(0).permutation(np.repeat(np.arange(20, 200), 2))
    other = k_center(features, torch.tensor([1, 5, 1]), 40, candidates=torch.from_numpy(shuffled))
    assert other.indices.tolist() == plain.indices.tolist()


# -- nothing labeled ------------------------------------------------------------------------------------


def test_without_labels_the_first_is_nearest_to_the_mean():
    features = np.array([[0.0], [1.0], [5.0], [10.0]], dtype=np.float32)  # mean 4
    result = k_center(features, [], 3)
    assert result.indices.tolist() == [2, 0, 3]
    assert result.distances.tolist() == [np.inf, 5.0, 5.0]
    assert result.radius == 1.0


def test_without_labels_continues_like_brute_force():
    features = mixture(800, 20, 2)
    result = k_center(features, [], 201)
    picks, distances, _ = brute_force(features, [result.indices[0]], 200)
    assert result.indices[1:].tolist() == picks.tolist()
    np.testing.assert_allclose(result.distances[1:], distances, rtol=1e-12)


# -- degenerate features --------------------------------------------------------------------------------


def test_identical_points_are_chosen_once_each_in_order():
    result = k_center(np.ones((2000, 4), dtype=np.float32), [3], 1999)
    assert result.indices.tolist() == [index for index in range(2000) if index != 3]
    assert not result.distances.any()


def test_identical_points_without_labels():
    assert k_center(np.full((30, 4), 0.1, dtype=np.float32), [], 30).indices.tolist() == list(range(30))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_zero_rows(metric):
    features = mixture(200, 10, 4)
    features[50:120] = 0.0
    result = k_center(features, [0, 1], 150, metric=metric)
    assert len(set(result.indices)) == 150
    assert (result.distances[-10:] >= 0.0).all()
    assert sum(50 <= index < 120 for index in result.indices[result.distances > 0]) == 1


def test_fewer_distinct_points_than_picks():
    distinct = mixture(20, 6, 1)
    features = distinct[np.random.default_rng(2).integers(0, 20, 900)]
    assert_same(k_center(features, [0], 700), brute_force(features, [0], 700))


def test_ties_on_a_grid_go_to_the_lowest_index():
    """Integers: float64 squares are exact, so that equal distances are equal."""
    grid = np.stack(np.meshgrid(np.arange(40), np.arange(30)), axis=-1).reshape(-1, 2).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(grid))
    assert_same(k_center(grid[order], [7], 900), brute_force(grid[order], [7], 900))


def test_equal_distances_beyond_one_round():
    """One-hot rows are all equally far: more ties than a round holds."""
    features = np.eye(1500, dtype=np.float32)
    assert k_center(features, [4], 60).indices.tolist() == [i for i in range(61) if i != 4]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_features_are_refused(bad):
    features = mixture(3000, 8, 0)
    features[2100, 3] = bad
    with pytest.raises(ValueError, match="row 2100"):
        k_center(features, [0], 5)
    with pytest.raises(ValueError, match="row 2100"):
        nearest_distance(features, features[:5])


@pytest.mark.parametrize("size", [1e-38, 1e-25, 1e15, 1e37])
def test_very_small_and_large_values(size):
    features = (mixture(400, 16, 6) / 40 * size).astype(np.float32)
    assert np.isfinite(features).all()
    result = k_center(features, [0], 60)
    picks, distances, _ = brute_force(features.astype(np.float64) / size, [0], 60)
    assert result.indices.tolist() == picks.tolist()
    np.testing.assert_allclose(result.distances, distances * size, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 11}, "n should be from 0 .*candidates, 9, not"),
        ({"n": -1}, "n should be"),
        ({"labeled": [10]}, "labeled should be positions from 0 to 9"),
        ({"labeled": [0.5]}, "integer"),
        ({"candidates": [-1]}, "candidates should be positions"),
        ({"metric": "manhattan"}, "metric should be"),
        ({"robust": 1.0}, "robust should be a share from 0 up to"),
        ({"features": np.zeros(10)}, r"\[N, D\]"),
        ({"features": np.zeros((10, 2), dtype=complex)}, "real numbers"),
    ],
)
def test_wrong_arguments(arguments, message):
    given_arguments = {"features": mixture(10, 3, 0), "labeled": [0], "n": 2, **arguments}
    with pytest.raises(ValueError, match=message):
        k_center(**given_arguments)


def test_no_picks_and_no_candidates():
    features = mixture(50, 3, 0)
    none = k_center(features, [0], 0)
    assert len(none.indices) == len(none.distances) == 0
    assert none.radius == pytest.approx(brute_force(features, [0], 1)[1][0])
    assert k_center(features, np.arange(50), 0).radius == 0.0


# -- where features come from ---------------------------------------------------------------------------


def test_memory_mapped_file(tmp_path):
    features = mixture(3000, 24, 3)
    features.tofile(tmp_path / "features.bin")
    mapped = np.memmap(tmp_path / "features.bin", dtype=np.float32, mode="r", shape=features.shape)
    assert_same(k_center(mapped, [1, 2], 300), brute_force(features, [1, 2], 300))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int16])
def test_other_types(dtype):
    features = (torch.from_numpy(mixture(600, 24, 3)) * 3).to(dtype)
    assert_same(k_center(features, [1, 2], 150), brute_force(features.double().numpy(), [1, 2], 150))


def test_arrays_in_any_layout():
    features = mixture(400, 24, 3)
    expected = brute_force(features, [1, 2], 100)
    for layout in (
        np.asfortranarray(features),
        features.astype(">f4"),
        np.repeat(features, 2, axis=1)[:, ::2],
    ):
        assert_same(k_center(layout, [1, 2], 100), expected)
    assert_same(k_center(np.ascontiguousarray(features[:, ::-1])[:, ::-1], [1, 2], 100), expected)


def test_gradients_autocast_and_low_precision_products_do_not_matter(monkeypatch):
    seen, addmm = set(), torch.addmm
    one = torch.ones(1, 1)

    def spy(*arguments, **options):
        seen.add((torch.get_float32_matmul_precision(), (one @ one).dtype))
        return addmm(*arguments, **options)

    monkeypatch.setattr(torch, "addmm", spy)
    features = torch.from_numpy(mixture(600, 64, 3)).requires_grad_()
    expected = k_center(features, [0], 200)
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            result = k_center(features, [0], 200)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(precision)
    assert seen == {("highest", torch.float32)}  # not every processor has a faster, coarser product to show
    assert result.indices.tolist() == expected.indices.tolist()
    assert result.distances.tolist() == expected.distances.tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("labeled", [500, 0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(
    "options", [{}, {"metric": "cosine"}, {"robust": 0.05}, {"candidates": np.arange(300, 5000, 2)}]
)
def test_cuda_gives_the_same(labeled, dtype, options):
    features = torch.from_numpy(mixture(6000, 128, 3)).to(dtype)
    expected = k_center(features, np.arange(labeled), 800, **options)
    result = k_center(features.cuda(), np.arange(labeled), 800, **options)
    assert result.indices.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(result.distances, expected.distances, rtol=1e-12)
    assert result.radius == pytest.approx(expected.radius, rel=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_ties_to_the_lowest_index_too():
    """Copies, and integers on a grid: hardly any distance is alone."""
    grid = np.random.default_rng(0).integers(0, 6, (2000, 4)).astype(np.float32)
    result = k_center(torch.from_numpy(grid).cuda(), [7], 1999)
    assert_same(result, brute_force(grid, [7], 1999))


# -- invariants -----------------------------------------------------------------------------------------

pools = st.tuples(st.integers(10, 120), st.integers(1, 12), st.integers(0, 2**16), st.integers(1, 8))


@settings(max_examples=30, deadline=None)
@given(pools)
def test_permuting_the_rows_permutes_the_picks(pool):
    count, dim, seed, labeled = pool
    rng = np.random.default_rng(seed)
    features, order = rng.standard_normal((count, dim)).astype(np.float32), rng.permutation(count)
    n = (count - labeled) // 2
    plain = k_center(features, np.arange(labeled), n)
    moved = k_center(features[order], np.argsort(order)[:labeled], n)
    assert order[moved.indices].tolist() == plain.indices.tolist()
    assert moved.distances.tolist() == plain.distances.tolist()


@settings(max_examples=30, deadline=None)
@given(pools, st.integers(-64, 64), st.sampled_from([0.25, 0.5, 2.0, 1024.0]))
def test_moving_and_scaling_leave_the_picks(pool, shift, factor):
    count, dim, seed, labeled = pool
    features = np.random.default_rng(seed).integers(-500, 500, (count, dim)).astype(np.float32)
    n = (count - labeled) // 2
    plain = k_center(features, np.arange(labeled), n)
    other = k_center((features + np.float32(shift)) * np.float32(factor), np.arange(labeled), n)
    assert other.indices.tolist() == plain.indices.tolist()
    np.testing.assert_allclose(other.distances, plain.distances * factor, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(pools)
def test_the_radius_never_grows(pool):
    count, dim, seed, labeled = pool
    features = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    result = k_center(features, np.arange(labeled), count - labeled - 1)
    radii = [*result.distances, result.radius]
    assert all(later <= earlier for earlier, later in itertools.pairwise(radii))


@settings(max_examples=40, deadline=None)
@given(pools, st.integers(1, 6))
def test_coarse_grids_with_many_ties(pool, levels):
    count, dim, seed, labeled = pool
    features = np.random.default_rng(seed).integers(0, levels, (count, dim)).astype(np.float32)
    n = count - labeled
    assert_same(k_center(features, np.arange(labeled), n), brute_force(features, np.arange(labeled), n))


def test_two_thirds_of_the_picks_are_a_prefix():
    features = mixture(3000, 16, 9)
    assert (
        k_center(features, [0, 1], 400).indices.tolist()
        == k_center(features, [0, 1], 600).indices[:400].tolist()
    )


# -- options --------------------------------------------------------------------------------------------


def test_cosine_is_euclidean_between_unit_rows():
    features = mixture(900, 32, 7) + 0.01
    unit = features.astype(np.float64) / np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    picks, distances, radius = brute_force(unit, [0, 5], 200)
    result = k_center(features, [0, 5], 200, metric="cosine")
    assert result.indices.tolist() == picks.tolist()
    np.testing.assert_allclose(result.distances, distances**2 / 2, rtol=1e-9)
    assert result.radius == pytest.approx(radius**2 / 2)


def test_cosine_ignores_lengths():
    features = mixture(300, 16, 7) + 0.01
    lengths = 2.0 ** np.random.default_rng(0).integers(-8, 8, (300, 1))
    stretched = (features * lengths).astype(np.float32)
    plain = k_center(features, [0], 80, metric="cosine")
    assert k_center(stretched, [0], 80, metric="cosine").indices.tolist() == plain.indices.tolist()


@pytest.mark.parametrize("count", [600, 4000])  # all rows sampled, and a part
def test_robust_leaves_the_outliers_out(count):
    features = mixture(count, 16, 2)
    outliers = np.arange(10, count, count // 20)[:20]
    directions = np.random.default_rng(0).standard_normal((20, 16))
    features[outliers] = 300.0 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    plain = k_center(features, [0], 20)
    robust = k_center(features, [0], 20, robust=20.5 / count)
    assert set(plain.indices) == set(outliers)
    assert not set(robust.indices) & set(outliers)
    rest = np.setdiff1d(np.arange(count), outliers)
    assert_same(robust, brute_force(features, [0], 20, rest))


# -- nearest_distance -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "centres", "dim"), [(2500, 700, 40), (10, 1, 3), (1, 600, 5), (0, 3, 4)])
def test_nearest_distance(count, centres, dim):
    features, targets = mixture(count, dim, 1), mixture(centres, dim, 2)
    expected = np.sqrt(
        [((targets.astype(np.float64) - row) ** 2).sum(axis=1).min() for row in features.astype(np.float64)]
    )
    np.testing.assert_allclose(nearest_distance(features, targets), expected, rtol=1e-12)


def test_nearest_distance_to_copies_is_zero():
    features = mixture(700, 20, 1)
    assert not nearest_distance(torch.from_numpy(features), features[::-1]).any()


def test_nearest_cosine():
    features = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    assert nearest_distance(features, features[:1], metric="cosine").tolist() == [0.0, 1.0, 2.0, 0.5]


@pytest.mark.parametrize("centres", [np.zeros((0, 3)), np.zeros((2, 4))])
def test_nearest_distance_needs_fitting_centres(centres):
    with pytest.raises(ValueError, match="do not fit"):
        nearest_distance(np.zeros((5, 3)), centres)


# -- the screening bound --------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 7, 64, 512])
def test_screening_errors_stay_within_the_bound(dim):
    rng = np.random.default_rng(dim)
    first, second = (torch.from_numpy(rng.standard_normal((300, dim)).astype(np.float32)) for _ in range(2))
    screened = 2.0 * torch.addmm(second.square().sum(1) / 2, first, second.T, alpha=-1).double()
    screened += first.square().sum(1, keepdim=True).double()
    exact = torch.cdist(first.double(), second.double()).square()
    norm = first.double().norm(dim=1).numpy()
    error = rows_module.slack(norm, float(second.norm(dim=1).max()), dim)
    assert ((screened - exact).abs().numpy() <= error[:, None]).all()


# -- several processes ----------------------------------------------------------------------------------

WORKER = """
import sys, numpy as np, torch, torch.distributed as dist
from alkit.distances import k_center
folder, rank, world = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meet{world}", rank=rank, world_size=world)
for case in range(4):
    with np.load(f"{folder}/case{case}.npz", allow_pickle=True) as arrays:
        features, labeled, n, options = (arrays[name] for name in ("features", "labeled", "n", "options"))
    cut = len(features) // 3
    edges = [0, len(features)] if world == 1 else [0, cut, len(features)]
    features = torch.from_numpy(features[edges[rank] : edges[rank + 1]])
    try:
        result = k_center(features, labeled, int(n), group=dist.group.WORLD, **options.item())
    except ValueError as error:
        print(case, error)
    else:
        name = f"{folder}/{case}.{rank}of{world}.npz"
        np.savez(name, i=result.indices, d=result.distances, r=result.radius)
dist.barrier()  # a process that leaves while another still talks to it can bring it down
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_the_same_picks_on_one_and_two_processes(tmp_path):
    features = mixture(2500, 24, 3)
    broken = features.copy()
    broken[2000] = np.nan  # on the second process: both have to notice
    cases = [
        (features, np.arange(0, 2500, 9), 700, {}),
        (features.astype(np.float64), [], 300, {"metric": "cosine", "robust": 0.1}),
        (np.tile(features[:40], (20, 1)), [3], 200, {"candidates": np.arange(10, 800)}),  # ties across shards
        (broken, [0], 5, {}),
    ]
    for number, (rows, labeled, n, options) in enumerate(cases):
        arrays = {"features": rows, "labeled": np.array(labeled, dtype=np.int64), "n": n}
        np.savez(tmp_path / f"case{number}.npz", options=np.array(options, dtype=object), **arrays)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(rank), str(world)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for world, rank in ((1, 0), (2, 0), (2, 1))
    ]
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], said
    assert all("3 row" in text or "3 another process" in text for text in said), said
    for number, (rows, labeled, n, options) in enumerate(cases[:3]):
        expected = k_center(rows, labeled, n, **options)
        for name in ("0of1", "0of2", "1of2"):
            with np.load(tmp_path / f"{number}.{name}.npz") as result:
                assert result["i"].tolist() == expected.indices.tolist()
                np.testing.assert_allclose(result["d"], expected.distances, rtol=1e-12)
                assert float(result["r"]) == pytest.approx(expected.radius, rel=1e-12)


# -- memory ---------------------------------------------------------------------------------------------

MEMORY = """
import sys, numpy as np, torch
from alkit.distances import k_center
count, labeled, n, dim, path = *map(int, sys.argv[1:5]), sys.argv[5]
torch.set_num_threads(2)
rng = np.random.default_rng(0)
mapped = np.memmap(path, dtype=np.float32, mode="w+", shape=(count, dim))
mix = rng.standard_normal((16, dim))
for start in range(0, count, 10000):
    mapped[start : start + 10000] = np.maximum(rng.standard_normal((10000, 16)) @ mix, 0)
features = np.array(mapped)
k_center(features[:2000], [0], 100)  # libraries loaded

def peak(field="VmHWM"):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024

with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")
before = peak("VmRSS")
k_center(features, rng.choice(count, labeled, replace=False), n)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's account of memory")
def test_extra_memory_at_50_000(tmp_path):
    arguments = ["50000", "5000", "2500", "512", str(tmp_path / "features.bin")]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) <= 200.0


def test_the_front_of_the_candidates_is_made_anew_when_few_are_left(monkeypatch):
    """Points on a grid, with many equal distances, in rounds so small that the front is a part of all."""
    monkeypatch.setattr(search_module, "ROUND", 4)
    points = np.random.default_rng(3).integers(0, 12, (1500, 3)).astype(np.float32)
    sizes, ahead = [], search_module.FarthestFirst._ahead

    def watched(self, count):
        held = ahead(self, count)
        sizes.append(len(held))
        return held

    monkeypatch.setattr(search_module.FarthestFirst, "_ahead", watched)
    assert_same(k_center(points, [7, 70], 60), brute_force(points, [7, 70], 60))
    assert min(sizes) < 1000 and any(after > before for before, after in itertools.pairwise(sizes))
