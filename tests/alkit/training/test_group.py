"""Training in several processes: parts of batches, and steps that equal those of one process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alkit import ImageStore
from alkit.data.loader import Batch, BatchPart, Loader
from alkit.errors import TrainingError, UsageError
from alkit.training import group as groups
from alkit.training import loop
from alkit.training.exchange import Exchange
from alkit.training.group import TrainingGroup, part_of
from alkit.training.loop import fit
from alkit.training.recipe import Recipe, TrainingRun
from alkit.training.types import Output, Step

CPU = torch.device("cpu")
IMAGES = ImageStore.from_array(np.random.default_rng(0).integers(0, 256, (23, 1, 6, 6), dtype=np.uint8))
LOADER = Loader(IMAGES, CPU, targets=torch.arange(23) % 3, labeled=np.arange(23))


class Network:
    """A small network with batch normalization."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        layers = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        network = nn.Sequential(*layers, nn.Linear(16, 3))
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward_batch(self, batch: Batch) -> Output:
        logits = self.network(batch.images)
        return Output(logits, features=(logits,))

    def loss(self, output: Output, targets: Any) -> Tensor:
        return nn.functional.cross_entropy(output.prediction, targets, reduction="none")


class Pairs(nn.Module):
    """A companion that compares images with others of the same batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.linear = nn.Linear(3, 1)

    def extra_loss(self, step: Step, /) -> Tensor:
        assert len(step.images) == len(step.losses) == len(step.targets)
        predicted = self.linear(step.output.features[0]).squeeze(1)
        return (predicted - predicted.flip(0) - step.losses.detach()).square().mean()


class Threads(Exchange):
    """Exchanges tensors between threads in place of processes."""

    def __init__(self, rank: int, shared: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.size, self._shared, self._barrier = rank, len(shared), shared, barrier
        self._device = CPU

    def _reduce(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self._all(tensor)).sum(dim=0))

    def _broadcast(self, tensor: Tensor) -> None:
        tensor.copy_(self._all(tensor)[0])

    def _gather(self, parts: list[Tensor], tensor: Tensor) -> None:
        for part, found in zip(parts, self._all(tensor), strict=True):
            part.copy_(found)

    def _all(self, tensor: Tensor) -> list[Tensor]:
        self._shared[self.rank] = tensor.clone()
        self._barrier.wait(30)
        found = list(self._shared)
        self._barrier.wait(30)
        return found


class Launched:
    """What a `Launch` says of two threads."""

    size, local_size = 2, 1

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.told: list[str] = []

    def announce(self, job: str) -> None:
        self.told.append(job)

    def ready(self, error: str = "") -> None:
        self.told.append(error)

    def group(self, device: torch.device) -> int:
        return self.rank


State = tuple[dict[str, Tensor], list[float]]


class Killed(BaseException):
    """Stands for a kill."""


def trained(
    model: Network, companion: Pairs, group: TrainingGroup | None = None, checkpoint: Path | None = None
) -> State:
    run = TrainingRun(
        recipe=Recipe(epochs=3, batch_size=6, precision="float32"),
        device=CPU,
        steps_per_epoch=4,
        group=group,
        checkpoint=checkpoint,
    )

    def batches(epoch: int) -> Iterator[Batch]:
        return LOADER.epoch(np.arange(23), 6, np.random.default_rng(epoch), augmented=True)

    fit(model, batches, companion, run)
    parts = {"network": model.network, "companion": companion}
    named = {f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()}
    return named, run.history


def trained_by_two(monkeypatch: pytest.MonkeyPatch, checkpoint: Path | None = None) -> list[State | None]:
    models = [(Network(), Pairs()) for _ in range(2)]
    shared: list[Any] = [None, None]
    barrier = threading.Barrier(2)
    monkeypatch.setattr(groups, "Exchange", lambda rank, device: Threads(rank, shared, barrier))
    found: list[State | None] = [None, None]

    def work(rank: int) -> None:
        group = TrainingGroup(Launched(rank), {}, fingerprint="" if rank else None)  # type: ignore[arg-type]
        with contextlib.suppress(Killed):
            found[rank] = trained(*models[rank], group, checkpoint if rank == 0 else None)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_processes_make_the_steps_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, history = trained(Network(), Pairs())
    first, second = trained_by_two(monkeypatch)
    assert first is not None and second is not None
    assert first[1] == second[1] == pytest.approx(history, rel=1e-5)
    for name, value in alone.items():
        torch.testing.assert_close(first[0][name], value, rtol=1e-4, atol=1e-5)
        assert torch.equal(first[0][name], second[0][name])


def test_a_resumed_training_is_the_same_bit_by_bit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (whole, _), path = trained_by_two(monkeypatch), tmp_path / "training.pt"
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", 0.0)
    begin_epoch = TrainingGroup.begin_epoch

    def killed(group: TrainingGroup, epoch: int) -> None:
        if epoch == 2:
            raise Killed
        begin_epoch(group, epoch)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingGroup, "begin_epoch", killed)
        assert trained_by_two(patched, path) == [None, None]
    resumed, second = trained_by_two(monkeypatch, path)
    assert whole is not None and resumed is not None and second is not None
    assert resumed[1] == whole[1]
    for name, value in whole[0].items():
        assert torch.equal(resumed[0][name], value)
        assert torch.equal(second[0][name], value)


@pytest.mark.parametrize(("count", "size"), [(2, 2), (7, 3), (64, 5)])
def test_the_parts_of_a_batch_are_the_batch_in_its_order(count: int, size: int) -> None:
    parts = [part_of(count, rank, size) for rank in range(size)]
    assert [number for begin, end in parts for number in range(begin, end)] == list(range(count))
    lengths = [end - begin for begin, end in parts]
    assert max(lengths) - min(lengths) <= 1 and min(lengths) >= 1


def test_a_part_of_a_batch_is_augmented_as_the_batch_is() -> None:
    (batch,) = LOADER.epoch(np.arange(23), 23, np.random.default_rng(0), augmented=True)
    parts = [BatchPart(batch, 0, 12), BatchPart(batch, 12, 23)]
    assert np.array_equal(np.concatenate([part.indices for part in parts]), batch.indices)
    assert torch.equal(torch.cat([part.images for part in parts]), batch.images)
    assert torch.equal(torch.cat([part.targets for part in parts]), batch.targets)


def test_a_batch_smaller_than_the_processes_is_refused() -> None:
    group = TrainingGroup(Launched(0), {})  # type: ignore[arg-type]
    (batch,) = LOADER.epoch(np.arange(1), 4, np.random.default_rng(0), augmented=False)
    group.size = 3
    with pytest.raises(UsageError, match="3 processes"):
        group.part_of(batch)


def test_a_process_that_would_train_something_else_takes_no_part() -> None:
    group = TrainingGroup(Launched(1), {}, fingerprint="one")  # type: ignore[arg-type]
    run = TrainingRun(recipe=Recipe(), device=CPU, steps_per_epoch=1, fingerprint="another")
    with pytest.raises(TrainingError, match="same versions"):
        group.begin(run)
    assert not group.begun
