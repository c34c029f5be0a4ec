"""VAAL as a strategy: what it picks, how it settles its sizes, what it says of itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.errors import InvalidOption, TrainingDiverged, TrainingError
from alkit.options import build, options_of
from alkit_plugins.components.diagnosis import area_under_curve, diagnose, rank_correlation
from alkit_plugins.strategies.adversarial.vaal import PAPER_CHANNELS, VAAL

QUICK = {"iterations": 3, "channels": (4, 6), "latent": 3, "discriminator_hidden": 8, "precision": "float32"}


def leaning(count, labeled):
    """Labeled images are bright on the left; so is half of the others, the odd ones."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 80, (count, 1, 8, 8), dtype=np.uint8)
    left = (np.arange(count) < labeled) | (np.arange(count) % 2 == 1)
    pixels[left, :, :, :4] += 150
    pixels[~left, :, :, 4:] += 150
    return pixels


def test_prefers_what_looks_unlike_the_labeled(make_cycle):
    cycle = make_cycle(pixels=leaning(90, 30), labeled=30)
    strategy = VAAL(**{**QUICK, "iterations": 60}, batch_size=30, adversarial_weight=0.1, learning_rate=3e-3)
    picks = strategy.select(cycle, 15)
    assert (picks % 2 == 0).mean() > 0.85
    scores = [cycle.scores[int(pick)] for pick in picks]
    assert scores == sorted(scores, reverse=True) and scores[-1] >= 0 and scores[0] <= 1
    assert cycle.diagnostics["discriminator_auc"] > 0.6
    assert cycle.diagnostics["warnings"] == []


def test_needs_no_model(make_cycle):
    cycle = make_cycle()
    VAAL(**QUICK).select(cycle, 3)
    assert VAAL.needs == frozenset() and cycle.model.asked == 0
    assert VAAL().companion(None) is None


def test_seed_decides(make_cycle):
    runs = []
    for seed, noise in ((0, 5), (0, 6), (1, 5)):
        torch.manual_seed(noise)  # the global generator has no say
        cycle = make_cycle(seed=seed)
        runs.append((VAAL(**QUICK).select(cycle, 6).tolist(), list(cycle.scores.values())))
    assert runs[0] == runs[1] != runs[2]


def test_records_what_it_did(make_cycle):
    said = []
    cycle = make_cycle()
    cycle.progress.line = said.append
    VAAL(**QUICK).select(cycle, 3)
    assert cycle.diagnostics["adversary"] == {
        "side": 8,
        "channels": [4, 6],
        "latent": 3,
        "precision": "float32",
        "iterations": 3,
        "seen": 30,
    }
    assert {"discriminator_auc", "latent_spread", "warnings"} <= set(cycle.diagnostics)
    assert "score_rank_correlation" not in cycle.diagnostics
    assert "3 adversarial iterations on 10 labeled and 30 unlabeled images" in said[0]
    assert {"adversary", "score"} <= set(cycle.profile.seconds)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 5, 9), (2, 17, 13), (3, 40, 40)])
def test_any_shape(make_cycle, shape):
    cycle = make_cycle(count=14, shape=shape, labeled=5)
    picks = VAAL(iterations=2, channels=(4, 5), image_size=None).select(cycle, 9)
    assert sorted(picks) == list(range(5, 14))


@pytest.mark.parametrize(("count", "labeled", "n"), [(2, 1, 1), (6, 5, 1), (6, 1, 5), (30, 29, 1)])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("scoring", ["eval", "train"])
def test_hardly_any_image(make_cycle, count, labeled, n, shuffle, scoring):
    cycle = make_cycle(count=count, labeled=labeled)
    picks = VAAL(**QUICK, shuffle=shuffle, scoring=scoring).select(cycle, n)
    assert len(set(picks)) == n and set(picks) <= set(cycle.candidates)
    assert np.isfinite(list(cycle.scores.values())).all()


def test_identical_images(make_cycle):
    cycle = make_cycle(pixels=np.full((20, 1, 8, 8), 77, np.uint8), labeled=6)
    assert len(set(VAAL(**QUICK).select(cycle, 14))) == 14
    assert any("collapsed" in sentence for sentence in cycle.diagnostics["warnings"])
    assert any("learned nothing (AUC 0.50" in sentence for sentence in cycle.diagnostics["warnings"])


def test_nothing_labeled_is_refused(make_cycle):
    with pytest.raises(TrainingError, match=r"vaal .*no image is labeled"):
        VAAL(**QUICK).select(make_cycle(labeled=0), 3)


def test_divergence_is_said(make_cycle):
    with pytest.raises(TrainingDiverged, match="lower learning-rate"):
        VAAL(**{**QUICK, "iterations": 30}, learning_rate=1e12).select(make_cycle(), 3)


def test_scores_do_not_depend_on_neighbours_unless_asked(make_cycle):
    def scores(scoring, batch_size, cycle_batch_size):
        cycle = make_cycle(batch_size=cycle_batch_size)
        strategy = VAAL(**QUICK, scoring=scoring, batch_size=batch_size)
        return np.array([cycle.scores[int(i)] for i in np.sort(strategy.select(cycle, 30))])

    np.testing.assert_allclose(scores("eval", 8, 16), scores("eval", 8, 5), rtol=1e-4)
    assert np.abs(scores("train", 8, 16) - scores("eval", 8, 16)).max() > 1e-4


def test_subset_limits_training_and_picks(make_cycle):
    cycle = make_cycle()
    picks = VAAL(**QUICK, subset=7).select(cycle, 7)
    assert cycle.diagnostics["adversary"]["seen"] == 7
    assert len(set(VAAL(**QUICK, subset=3).select(make_cycle(), 9))) == 9
    assert np.isfinite([cycle.scores[int(pick)] for pick in picks]).all()


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((1, 8, 8), {}, (8, (32, 64), 32)),
        ((1, 28, 28), {}, (28, (32, 64, 128, 256), 32)),
        ((3, 32, 32), {"preset": "published"}, (32, PAPER_CHANNELS, 32)),
        ((3, 64, 48), {}, (64, (16, 32, 64, 128, 256), 32)),
        ((3, 96, 96), {}, (64, (16, 32, 64, 128, 256), 32)),
        ((3, 96, 96), {"image-size": 128}, (128, (8, 16, 32, 64, 128, 256), 64)),
        ((3, 33, 33), {"channels": "4,4,4,4", "latent": 5}, (36, (4, 4, 4, 4), 5)),
    ],
)
def test_sizes_follow_the_pool(make_cycle, shape, options, expected):
    cycle = make_cycle(count=3, shape=shape, labeled=1)
    assert build(VAAL, options).plan(cycle, 3)[:3] == expected


@pytest.mark.parametrize(
    ("images", "options", "iterations"),
    [
        (50_000, {}, 300),
        (20, {}, 100),
        (50_000, {"preset": "published"}, 39_062),
        (1_000, {"epochs": 10, "batch-size": 50}, 200),
        (50_000, {"iterations": 7}, 7),
    ],
)
def test_iterations_follow_the_data(make_cycle, images, options, iterations):
    assert build(VAAL, options).plan(make_cycle(), images).iterations == iterations


def test_every_option_has_a_sentence():
    assert all(option.help for option in options_of(VAAL))


def test_diagnosis():
    rng = np.random.default_rng(0)
    alike = rng.normal(size=200), rng.normal(size=300)
    apart = alike[0] + 2, alike[1]
    assert diagnose(*apart, 0.3)[1] == []
    assert [sentence[:20] for sentence in diagnose(*apart, 0.01)[1]] == ["the latent has colla"]
    assert [sentence[:31] for sentence in diagnose(*alike, 0.3)[1]] == ["the discriminator has learned n"]
    assert [sentence[:36] for sentence in diagnose(alike[0] - 2, alike[1], 0.3)[1]] == [
        "the discriminator mistakes unlabeled"
    ]


def test_area_under_curve_by_hand():
    assert area_under_curve(np.array([3.0, 1.0]), np.array([2.0, 1.0, 0.0])) == pytest.approx(4.5 / 6)


def test_rank_correlation_by_hand():
    assert rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([5.0, 6.0, 7.0])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == pytest.approx(0.5)
    assert rank_correlation(np.array([1.0, 2.0]), np.array([4.0, 4.0])) is None


@pytest.mark.parametrize("channels", ["64", "0,8", "8,-4", ()])
def test_widths_that_make_no_encoder_are_refused_at_once(channels):
    with pytest.raises(InvalidOption, match="channels should be two or more positive numbers"):
        build(VAAL, {"channels": channels})


def test_probabilities_that_round_to_one_are_no_ties(make_cycle, monkeypatch):
    cycle = make_cycle()
    logits = -40.0 - torch.arange(30, dtype=torch.float64)
    monkeypatch.setattr(VAAL, "_judged", lambda *arguments: logits)
    picks = VAAL(**QUICK).select(cycle, 4)
    assert picks.tolist() == [39, 38, 37, 36]
    assert [cycle.scores[int(pick)] for pick in picks] == [1.0] * 4
