"""The conformance kit, and the loss of unlabeled images by hand."""

from __future__ import annotations

import alkit_fixmatch
import numpy as np
import pytest
import torch
from alkit_fixmatch import Consistency, FixMatch, cut_out
from torch.nn import functional

import alkit
import alkit.testing
from alkit.training import PoolImages

CPU = torch.device("cpu")


class TestFixMatch(alkit.testing.StrategyTests):
    name = "fixmatch"
    options = {"ratio": 1, "threshold": 0.3}  # noqa: RUF012


def a_step(world: alkit.testing.World, labeled: int = 4) -> alkit.Step:
    pool = PoolImages(world.images, world.candidates, CPU, seed=3)
    return alkit.Step(
        *(0, 1, torch.zeros(labeled, 3, 12, 12), torch.zeros(labeled)),
        alkit.Output(torch.zeros(labeled, 3)),
        torch.zeros(labeled),
        model=world.model,
        unlabeled=pool,
        seed=11,
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> alkit.testing.World:
    """A world in eval mode, so that batch normalization changes nothing, and known augmentations."""
    made = alkit.testing.make_world(candidates=40)
    made.model.network.eval()
    monkeypatch.setattr(made.model, "augment_batch", lambda images, targets, generator: (images, targets))
    monkeypatch.setattr(alkit_fixmatch, "strongly", lambda pixels, generator: 255 - pixels)
    return made


def test_the_loss_is_that_of_the_paper(world: alkit.testing.World) -> None:
    step = a_step(world)
    batch = PoolImages(world.images, world.candidates, CPU, seed=3).draw(28, 11)
    with torch.no_grad():
        weak = world.model.network(batch.images)[0].softmax(dim=1)
        strong = world.model.network(batch.normalized(255 - batch.pixels))[0]
    threshold = float(weak.max(dim=1).values.median())
    total, sure = 0.0, 0
    for row in range(28):
        if weak[row].max() >= threshold:
            total += float(functional.cross_entropy(strong[row : row + 1], weak[row].argmax().view(1)))
            sure += 1
    assert 0 < sure < 28
    loss = Consistency(threshold, 7, 2.0).extra_loss(step)
    assert loss.item() == pytest.approx(2.0 * total / 28, rel=1e-5)
    assert Consistency(1.0, 7, 1.0).extra_loss(step).item() == 0.0


def test_only_the_strong_side_is_trained(world: alkit.testing.World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    forward = world.model.forward

    def watched(images: torch.Tensor) -> alkit.Output:
        seen.append(torch.is_grad_enabled())
        return forward(images)

    monkeypatch.setattr(world.model, "forward", watched)
    Consistency(0.0, 7, 1.0).extra_loss(a_step(world)).backward()
    assert seen == [False, True]
    assert all(weight.grad is not None for weight in world.model.network.parameters())


def test_cutout_is_a_gray_square_of_half_the_side_at_most() -> None:
    pixels = torch.zeros(200, 1, 16, 16, dtype=torch.uint8)
    cut = (cut_out(pixels, torch.Generator().manual_seed(0)) == 127).squeeze(1)
    sides = torch.stack([cut.any(dim=2).sum(dim=1), cut.any(dim=1).sum(dim=1)])
    assert sides.max() <= 8 and sides.max() >= 6 and (sides == 0).any()


def test_it_trains_other_weights_on_the_same_labeled_batches() -> None:
    trained = []
    for strategy in (FixMatch(ratio=1, threshold=0.0), FixMatch(ratio=1, threshold=1.0)):
        world = alkit.testing.make_world()
        world.train(strategy)
        assert world.trained is not None
        trained.append(world.trained)
    first, second = (one.record for one in trained)
    assert (first["order"], first["starting_weights"]) == (second["order"], second["starting_weights"])
    assert first["loss"] != second["loss"]


def test_a_draw_is_of_unlabeled_images_and_depends_on_its_purpose_alone() -> None:
    world = alkit.testing.make_world(candidates=20)
    first, second = (PoolImages(world.images, world.candidates, CPU, seed=0) for _ in range(2))
    assert np.array_equal(first.draw(8, 5).indices, second.draw(8, 5).indices)
    assert not np.array_equal(first.draw(8, 5).indices, first.draw(8, 6).indices)
    assert np.isin(first.draw(50, 1).indices, world.candidates).all()
    assert first.draw(8, 5).targets is None
