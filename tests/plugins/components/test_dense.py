"""Scores of positions become those of images: by hand, class by class, without padding."""

from __future__ import annotations

import pytest
import torch

from alkit import Output
from alkit.options import build
from alkit_plugins.components.dense import reduced
from alkit_plugins.strategies.uncertainty.bald import Bald
from alkit_plugins.strategies.uncertainty.entropy import Entropy
from alkit_plugins.tasks.segmentation import Segmentation

# Six positions of one image: four of class 0, one of class 1, and padding that is predicted as class 2.
PREDICTED = torch.tensor([[0, 0, 0, 0, 1, 2]])
PROBABILITIES = torch.nn.functional.one_hot(PREDICTED, 4).movedim(2, 1).float()
SCORES = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.9, 5.0]])
WEIGHTS = torch.tensor([[1, 1, 1, 1, 1, 0]])


@pytest.mark.parametrize(
    ("reduce", "plain", "balanced"),
    [("mean", 1.9 / 5, (0.25 + 0.9) / 2), ("top", 0.9, (0.4 + 0.9) / 2), ("max", 0.9, (0.4 + 0.9) / 2)],
)
def test_a_rare_class_counts_as_much_as_the_background(reduce: str, plain: float, balanced: float) -> None:
    for shape in ((1, 6), (1, 2, 3)):
        output = Output(None, PROBABILITIES.reshape(1, 4, *shape[1:]), weights=WEIGHTS.reshape(shape))
        for class_balanced, wanted in ((False, plain), (True, balanced)):
            found = reduced(output, SCORES.reshape(shape), reduce, class_balanced=class_balanced)  # type: ignore[arg-type]
            assert found.tolist() == pytest.approx([wanted])


def test_without_padding_every_position_counts_and_images_have_their_own_classes() -> None:
    probabilities = torch.cat([PROBABILITIES, PROBABILITIES.flip(2)])
    scores = torch.cat([SCORES, torch.ones(1, 6)])
    found = reduced(Output(None, probabilities), scores, "mean", class_balanced=True)
    assert found.tolist() == pytest.approx([(0.25 + 0.9 + 5.0) / 3, 1.0])


def test_dropout_passes_are_averaged_before_a_position_has_a_class() -> None:
    passes = torch.stack([PROBABILITIES, PROBABILITIES, PROBABILITIES.flip(1)])
    found = reduced(Output(None, passes), SCORES, "mean", class_balanced=True)
    assert found.tolist() == pytest.approx([(0.25 + 0.9 + 5.0) / 3])
    assert Bald(class_balanced=True).class_balanced
    assert reduced(Output(None, torch.ones(2, 3)), torch.ones(2), "mean", class_balanced=True).tolist() == [
        1,
        1,
    ]


def test_all_passes_together_take_no_more_memory_than_one_batch(make_cycle, monkeypatch) -> None:
    task = build(Segmentation, {"model": "tiny-unet"})
    task.build((3, 16, 16), ("ground", "thing"), torch.device("cpu"))
    task.network.eval()
    sizes: list[int] = []
    score = Bald.score

    def counting(self: Bald, probabilities: torch.Tensor) -> torch.Tensor:
        sizes.append(probabilities.numel())
        return score(self, probabilities)

    monkeypatch.setattr(Bald, "score", counting)
    cycle = make_cycle(30, (3, 16, 16), 4, model=task, batch_size=12)
    assert len(Bald(passes=4).select(cycle, 3)) == 3
    assert sizes
    assert max(sizes) <= 12 * 2 * 16 * 16


def test_a_strategy_balances_its_own_scores() -> None:
    logits = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    output = Output(logits, logits.softmax(dim=1))
    found = Entropy(class_balanced=True)
    scores = found.score(None, output)  # type: ignore[arg-type]
    wanted = []
    for image, classes in zip(scores, logits.argmax(dim=1), strict=True):
        wanted.append(sum(image[classes == c].mean() for c in classes.unique()) / len(classes.unique()))
    assert torch.allclose(found.per_image(output, scores), torch.stack(wanted))
