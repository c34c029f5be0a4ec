"""Loss prediction: golden numbers of the published functions, and properties of the pair losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alkit.training.types import Output, Step, Tap, TaskSpec
from alkit_plugins.components.loss_prediction import LossPredictor, margin_pair_loss, ranking_pair_loss

TOLERANCE = {"f64": {"rtol": 1e-9, "atol": 1e-12}, "f32": {"rtol": 1e-5, "atol": 1e-6}}
PAIR_CASES = [f"c{number}" for number in range(8)]
SATURATED = "c4"


def with_gradient(loss, predicted, losses, *arguments):
    predicted = torch.from_numpy(predicted).requires_grad_()
    value = loss(predicted, torch.from_numpy(losses), *arguments)
    value.backward()
    return value.detach().numpy(), predicted.grad.numpy()


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("case", PAIR_CASES)
def test_golden_pair_losses(golden, precision, case):
    arrays, close = golden(f"pair_loss_{precision}"), TOLERANCE[precision]
    predicted, losses = arrays[f"{case}_pred"], arrays[f"{case}_target"]
    value, gradient = with_gradient(margin_pair_loss, predicted, losses)
    np.testing.assert_allclose(value, arrays[f"{case}_margin1"], **close)
    np.testing.assert_allclose(gradient, arrays[f"{case}_margin1_grad"], **close)
    value, _ = with_gradient(margin_pair_loss, predicted, losses, 0.5)
    np.testing.assert_allclose(value, arrays[f"{case}_margin05"], **close)
    if case != SATURATED:
        value, gradient = with_gradient(ranking_pair_loss, predicted, losses)
        np.testing.assert_allclose(value, arrays[f"{case}_bce"], **close)
        np.testing.assert_allclose(gradient, arrays[f"{case}_bce_grad"], **close)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_logits_do_not_saturate(golden, precision):
    arrays = golden(f"pair_loss_{precision}")
    predicted, losses = arrays[f"{SATURATED}_pred"], arrays[f"{SATURATED}_target"]
    value, gradient = with_gradient(ranking_pair_loss, predicted, losses)
    half = len(predicted) // 2
    difference = predicted[:half] - predicted[::-1][:half]
    wrong = np.where(losses[:half] > losses[::-1][:half], -difference, difference)
    np.testing.assert_allclose(value, np.logaddexp(0.0, wrong).mean(), rtol=1e-5)
    beyond = wrong > 30
    assert beyond.any()
    np.testing.assert_allclose(np.abs(gradient[:half][beyond]), 1 / half, rtol=1e-5)


@pytest.mark.parametrize("loss", [margin_pair_loss, ranking_pair_loss])
def test_odd_batch_leaves_the_middle_out(loss):
    predicted, losses = np.array([3.0, 1.0, 7.0, 2.5, -1.0]), np.array([1.0, 2.0, 9.0, 0.5, 4.0])
    value, gradient = with_gradient(loss, predicted, losses)
    without, _ = with_gradient(loss, np.delete(predicted, 2), np.delete(losses, 2))
    assert value == pytest.approx(without)
    assert gradient[2] == 0 and np.abs(gradient).sum() > 0


@pytest.mark.parametrize("loss", [margin_pair_loss, ranking_pair_loss])
def test_batch_of_one_costs_nothing(loss):
    value, gradient = with_gradient(loss, np.array([3.0]), np.array([1.0]))
    assert value == 0 and gradient.tolist() == [0.0]


@pytest.mark.parametrize("loss", [margin_pair_loss, ranking_pair_loss])
def test_no_gradient_flows_into_the_true_losses(loss):
    losses = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    loss(torch.zeros(4, requires_grad=True), losses).backward()
    assert losses.grad is None


numbers = st.floats(-8, 8, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20), numbers)
def test_a_constant_added_to_predictions_changes_nothing(pairs, constant):
    predicted, losses = torch.tensor(pairs, dtype=torch.float64).t()
    for loss in (ranking_pair_loss, margin_pair_loss):
        moved = loss(predicted + constant, losses)
        assert moved.item() == pytest.approx(loss(predicted, losses).item(), rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20))
def test_only_the_order_of_true_losses_counts(pairs):
    predicted, losses = torch.tensor(pairs, dtype=torch.float64).t()
    for loss in (ranking_pair_loss, margin_pair_loss):
        assert loss(predicted, losses).item() == loss(predicted, 2.0 * losses).item()


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize(("case", "channels", "hidden"), [("c0", (3, 5, 6, 7), 4), ("c1", (4, 4, 8, 8), 6)])
def test_golden_loss_predictor(golden, precision, case, channels, hidden):
    arrays, close = golden(f"lossnet_{precision}"), TOLERANCE[precision]
    predictor = LossPredictor(channels, hidden).to(torch.from_numpy(arrays[f"{case}_out"]).dtype)
    names = {f"taps.{number}": f"FC{number + 1}" for number in range(4)} | {"last": "linear"}
    published = {
        name: name.replace(*pair)
        for name in predictor.state_dict()
        for pair in names.items()
        if pair[0] in name
    }
    weights = {name: torch.from_numpy(arrays[f"{case}_w_{other}"]) for name, other in published.items()}
    predictor.load_state_dict(weights)
    features = [torch.from_numpy(arrays[f"{case}_feat{number}"]).requires_grad_() for number in range(4)]
    predicted = predictor(features)
    np.testing.assert_allclose(predicted.detach(), arrays[f"{case}_out"][:, 0], **close)
    predicted.backward(torch.from_numpy(arrays[f"{case}_outgrad"][:, 0]))
    for name, parameter in predictor.named_parameters():
        np.testing.assert_allclose(parameter.grad, arrays[f"{case}_g_{published[name]}"], **close)
    for number, feature in enumerate(features):
        pooled = arrays[f"{case}_gradfeat{number}_pooled"]
        np.testing.assert_allclose(feature.grad.sum((2, 3)), pooled, **close)


def test_maps_of_any_size_and_vectors():
    spec = TaskSpec("t", (1, 9, 7), 2, frozenset(), (Tap("a", 3, (9, 7)), Tap("b", 5, (1, 1))))
    predictor = LossPredictor.for_task(spec, 8)
    maps, vectors = torch.randn(6, 3, 9, 7), torch.randn(6, 5)
    assert predictor((maps, vectors)).shape == (6,)
    same = predictor((maps.mean((2, 3)), vectors[:, :, None, None]))
    torch.testing.assert_close(predictor((maps, vectors)), same)


def step(epoch, epochs, features, losses):
    images = torch.zeros(len(losses), 1, 2, 2)
    return Step(epoch, epochs, images, torch.zeros(len(losses)), Output(losses, features=features), losses)


@pytest.mark.parametrize(("share", "last_attached"), [(0.6, 119), (0.605, 120), (0.0, -1), (1.0, 199)])
def test_gradient_into_the_backbone_stops(share, last_attached):
    predictor = LossPredictor((2,), 4, detach_after=share)
    for epoch in {0, last_attached, last_attached + 1, 199} - {-1, 200}:
        feature = torch.randn(4, 2, 3, 3, requires_grad=True)
        losses = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
        predictor.extra_loss(step(epoch, 200, (feature,), losses)).backward()
        assert (feature.grad is not None) == (epoch <= last_attached)
        assert losses.grad is None
    assert all(parameter.grad is not None for parameter in predictor.parameters())


def test_extra_loss_is_the_weighted_pair_loss():
    feature, losses = torch.randn(5, 2), torch.rand(5)
    for kind, loss in (("ranking", ranking_pair_loss), ("margin", lambda a, b: margin_pair_loss(a, b, 0.3))):
        predictor = LossPredictor((2,), 4, loss=kind, margin=0.3, weight=2.5)
        expected = 2.5 * loss(predictor((feature,)), losses)
        torch.testing.assert_close(predictor.extra_loss(step(0, 10, (feature,), losses)), expected)


def test_learns_the_order():
    torch.manual_seed(0)
    predictor = LossPredictor((4,), 16, loss="ranking")
    optimizer = torch.optim.Adam(predictor.parameters(), lr=0.01)
    feature = torch.randn(64, 4)
    losses = feature[:, 0].exp()
    for _ in range(150):
        order = torch.randperm(64)
        optimizer.zero_grad()
        predictor.extra_loss(step(0, 1, (feature[order],), losses[order])).backward()
        optimizer.step()
    agreement = np.corrcoef(predictor((feature,)).detach().argsort().argsort(), losses.argsort().argsort())[
        0, 1
    ]
    assert agreement > 0.9
