"""The training loop: schedules by hand, resuming bit by bit, companions, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alkit import ImageStore
from alkit.data.loader import Batch, Loader
from alkit.errors import TrainingDiverged
from alkit.interfaces.task import TaskModel
from alkit.training import checkpoints, loop
from alkit.training import precision as precisions
from alkit.training.loop import fit, learning_rate
from alkit.training.recipe import Recipe, TrainingRun
from alkit.training.types import Output, Step
from alkit.utils import seeding
from alkit.utils.progress import NullProgress

CPU = torch.device("cpu")
IMAGES = ImageStore.from_array(np.random.default_rng(0).integers(0, 256, (23, 1, 6, 6), dtype=np.uint8))
TARGETS = torch.arange(23) % 3


@dataclass(kw_only=True)
class Tiny(TaskModel):
    name: ClassVar[str] = "tiny"

    def __post_init__(self) -> None:
        self.reset(0)

    def build(self, image_shape: Any, classes: Any, device: Any) -> None: ...

    def reset(self, seed: int) -> None:
        with seeding.fence(seed):
            self.network = nn.Sequential(
                nn.Conv2d(1, 4, 3),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.Flatten(),
                nn.Dropout(0.3),
                nn.Linear(64, 3),
            )

    def forward(self, images: Tensor) -> Output:
        return Output(self.network(images))

    def encode(self, values: Any) -> Tensor:
        return torch.tensor(values)

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output.prediction.float(), targets, reduction="none")

    def evaluate(self, batches: Any) -> dict[str, float]:
        return {}


class Reader(nn.Module):
    """A companion that regresses the loss, and remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        with seeding.fence(1):
            self.layer = nn.Linear(3, 1)
        self.steps: list[Step] = []
        self.modes: list[bool] = []

    def extra_loss(self, step: Step, /) -> Tensor:
        self.steps.append(step)
        self.modes.append(self.training)
        guess = self.layer(step.output.prediction.float().detach()).squeeze(1)
        return (guess - step.losses.detach()).square().mean()


def batches(count: int, size: int) -> Callable[[int], Iterator[Batch]]:
    indices = np.arange(count)
    loader = Loader(IMAGES, CPU, targets=TARGETS[:count], labeled=indices)
    return lambda epoch: loader.epoch(indices, size, seeding.numpy_generator(0, epoch), augmented=True)


def run(path: Path | None = None, **changes: Any) -> TrainingRun:
    recipe = Recipe(
        **{"epochs": 6, "batch_size": 8, "learning_rate": 0.05, "precision": "float32", **changes}
    )
    return TrainingRun(
        recipe=recipe, device=CPU, steps_per_epoch=3, checkpoint=path, fingerprint="f", label="cycle 3"
    )


def train(
    path: Path | None = None,
    epoch_batches: Callable[[int], Iterable[Batch]] | None = None,
    companion: Reader | None = None,
    **changes: Any,
) -> tuple[Tiny, TrainingRun]:
    model, current = Tiny(), run(path, **changes)
    with seeding.fence(7):
        fit(model, epoch_batches or batches(23, 8), companion, current)
    return model, current


def same(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().items(), right.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.parametrize(
    ("schedule", "epoch", "factor"),
    [
        ("one-cycle", 0, 0.04),
        ("one-cycle", 1, 0.52),  # halfway up
        ("one-cycle", 2, 1.0),  # a quarter of 8 epochs
        ("one-cycle", 5, 0.5),  # halfway down
        ("one-cycle", 8, 0.0),
        ("one-cycle", 9, 0.0),
        ("cosine", 0, 1.0),
        ("cosine", 2, 0.5 + math.sqrt(0.125)),
        ("cosine", 4, 0.5),
        ("cosine", 8, 0.0),
        ("step", 6.3, 1.0),
        ("step", 6.4, 0.1),
        ("constant", 7.9, 1.0),
    ],
)
def test_learning_rates_by_hand(schedule: Any, epoch: float, factor: float) -> None:
    recipe = Recipe(epochs=8, learning_rate=0.3, schedule=schedule)
    assert learning_rate(recipe, epoch) == pytest.approx(0.3 * factor, abs=1e-12)


def test_the_optimizer_steps_as_the_recipe_says() -> None:
    model = Tiny()
    model.network = nn.Sequential(nn.Flatten(), nn.Linear(36, 3, bias=False))
    weight = model.network[1].weight
    expected, velocity = weight.detach().clone(), torch.zeros_like(weight)
    current = run(epochs=2, momentum=0.5, weight_decay=0.1, schedule="cosine")
    for epoch in range(2):
        for number, batch in enumerate(batches(23, 8)(epoch)):
            assert batch.targets is not None
            guess = (batch.images.flatten(1) @ expected.T).softmax(dim=1)
            error = guess - nn.functional.one_hot(batch.targets, 3)
            gradient = error.T @ batch.images.flatten(1) / len(batch) + 0.1 * expected
            velocity = 0.5 * velocity + gradient
            rate = 0.05 * 0.5 * (1 + math.cos(math.pi * (epoch + number / 3) / 2))
            expected = expected - rate * velocity
    fit(model, batches(23, 8), None, current)
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-3, atol=1e-5)


def test_training_learns_ends_in_eval_mode_and_keeps_the_losses() -> None:
    model, current = train(epochs=40)
    assert not model.network.training
    assert len(current.history) == 40
    assert current.history[-1] < 0.5 < current.history[0]


def test_training_repeats_bit_by_bit() -> None:
    assert same(train()[0].network, train()[0].network)


class Killed(Exception):
    pass


@pytest.mark.parametrize("killed_in", [1, 3, 5])
def test_resuming_gives_the_very_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: int
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", -1.0)
    whole_companion, companion = Reader(), Reader()
    whole, whole_session = train(companion=whole_companion)
    path = tmp_path / "partial.pt"

    def killing(epoch: int) -> Iterator[Batch]:
        for number, batch in enumerate(batches(23, 8)(epoch)):
            if epoch == killed_in and number == 1:
                raise Killed
            yield batch

    with pytest.raises(Killed):
        train(path, killing, Reader())
    asked = []

    def noting(epoch: int) -> Iterator[Batch]:
        asked.append(epoch)
        return batches(23, 8)(epoch)

    resumed, resumed_session = train(path, noting, companion)
    assert asked == list(range(killed_in, 6))
    assert same(whole.network, resumed.network)
    assert same(whole_companion, companion)
    assert whole_session.history == resumed_session.history
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays"


def test_a_finished_training_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", -1.0)
    path = tmp_path / "partial.pt"
    first, _ = train(path)
    again, _ = train(path, lambda epoch: pytest.fail("nothing is left to train"))
    assert same(first.network, again.network)
    assert not again.network.training


@pytest.mark.parametrize("damage", ["other", "cut", "junk"])
def test_a_checkpoint_of_something_else_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", -1.0)
    path = tmp_path / "partial.pt"
    fresh, _ = train()
    train(path, epochs=3)
    if damage == "other":
        state = checkpoints.load_safely(path)
        checkpoints.save_atomically({**state, "fingerprint": "g"}, path)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    else:
        path.write_bytes(b"junk")
    assert same(train(path)[0].network, fresh.network)


def test_a_resumed_training_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", -1.0)
    path = tmp_path / "partial.pt"
    train(path)
    said: list[str] = []
    current = run(path)
    current.progress = NullProgress()
    monkeypatch.setattr(current.progress, "line", said.append, raising=False)
    fit(Tiny(), batches(23, 8), None, current)
    assert said == ["cycle 3: resumed after epoch 6 of 6"]


def test_a_companion_sees_every_step_and_joins_the_optimizer() -> None:
    companion = Reader()
    before = companion.layer.weight.detach().clone()
    model, _ = train(companion=companion)
    assert len(companion.steps) == 18
    step = companion.steps[4]
    assert (step.epoch, step.epochs) == (1, 6)
    assert step.images.shape == (8, 1, 6, 6)
    assert step.losses.shape == step.targets.shape == (8,)
    assert step.losses.requires_grad
    assert not torch.equal(companion.layer.weight, before)
    assert all(companion.modes)
    assert not companion.training
    assert same(model.network, train()[0].network), "what is detached leaves the task model alone"


def test_a_companion_can_reach_the_task_model() -> None:
    class Pulling(Reader):
        def extra_loss(self, step: Step, /) -> Tensor:
            return 0.1 * step.output.prediction.float().square().mean()

    assert not same(train(companion=Pulling())[0].network, train()[0].network)


def break_in(epoch_of_nan: int) -> Callable[[int], Iterator[Batch]]:
    def broken(epoch: int) -> Iterator[Batch]:
        for batch in batches(23, 8)(epoch):
            if epoch == epoch_of_nan:
                batch.images[0, 0, 0, 0] = float("nan")
            yield batch

    return broken


def test_a_loss_that_is_no_number_names_cycle_and_epoch_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", -1.0)
    path = tmp_path / "partial.pt"
    with pytest.raises(
        TrainingDiverged, match="cycle 3: the loss became infinite or not a number in epoch 4 of 6"
    ):
        train(path, break_in(3))
    state = checkpoints.load_safely(path)
    assert state["epoch"] == 3
    assert all(torch.isfinite(tensor).all() for tensor in state["network"].values())


def test_weights_ruined_by_the_very_last_step_are_noticed() -> None:
    class Ruining(Reader):
        def extra_loss(self, step: Step, /) -> Tensor:
            self.steps.append(step)
            infinite = math.inf if len(self.steps) == 18 else 0.0
            return step.output.prediction.float().mean() * infinite

    with pytest.raises(TrainingDiverged, match=r"cycle 3: the weights became .* in epoch 6 of 6"):
        train(companion=Ruining())


def test_frozen_parameters_stay() -> None:
    model = Tiny()
    model.network[0].requires_grad_(False)
    before = model.network[0].weight.clone()
    head = model.network[5].weight.detach().clone()
    fit(model, batches(23, 8), None, run())
    assert torch.equal(model.network[0].weight, before)
    assert not torch.equal(model.network[5].weight, head)


@pytest.mark.parametrize("count", [1, 2, 3, 9, 17])
def test_any_number_of_images_trains(count: int) -> None:
    for size in (2, 8):
        model, current = train(None, batches(count, size))
        assert math.isfinite(current.history[-1])
        assert all(torch.isfinite(tensor).all() for tensor in model.network.state_dict().values())


def test_precision_says_how_the_forward_pass_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def dtype(precision: Any) -> torch.dtype:
        with precisions.autocast(CPU, precision):
            return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    assert dtype("float32") == torch.float32
    assert dtype("bfloat16") == torch.bfloat16
    for fast, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precisions, "has_fast_bfloat16", lambda device, fast=fast: fast)
        assert dtype("auto") == expected


def test_training_in_bfloat16_keeps_weights_and_losses_in_float32() -> None:
    companion = Reader()
    model, _ = train(companion=companion, precision="bfloat16")
    assert companion.steps[0].output.prediction.dtype == torch.bfloat16
    assert companion.steps[0].losses.dtype == torch.float32
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoints.save_atomically({"a": torch.ones(2)}, path)
    with pytest.raises(Exception, match="pickle"):
        checkpoints.save_atomically({"a": lambda: None}, path)
    assert torch.equal(checkpoints.load_safely(path)["a"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [path]


def test_a_recipe_is_json() -> None:
    assert Recipe(epochs=3).as_dict()["epochs"] == 3
    assert Recipe(**Recipe(epochs=3).as_dict()) == Recipe(epochs=3)


class Gambler(Reader):
    """A companion that draws random numbers, and adds nothing."""

    def extra_loss(self, step: Step, /) -> Tensor:
        self.drawn = [*getattr(self, "drawn", []), float(torch.rand(()))]
        return 0.0 * step.losses.sum()


def test_what_a_companion_draws_does_not_change_the_tasks_dropout() -> None:
    gambler = Gambler()
    assert same(train()[0].network, train(companion=gambler)[0].network)
    assert len(set(gambler.drawn)) == len(gambler.drawn) > 3  # fresh numbers in every step
    again = Gambler()
    train(companion=again)
    assert again.drawn == gambler.drawn
