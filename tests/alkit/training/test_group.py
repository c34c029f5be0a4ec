"""Training in several processes: parts of batches, and steps that equal those of one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alkit import ImageStore
from alkit.data.loader import Batch, BatchPart, Loader
from alkit.errors import TrainingError, UsageError
from alkit.training import group as groups
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
        self.network = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
        )

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

    def rows_of_all(self, rows: Tensor) -> tuple[Tensor, list[int]]:
        self._shared[self.rank] = rows.detach().clone()
        self._barrier.wait(30)
        found = list(self._shared)
        self._barrier.wait(30)
        return torch.cat(found), [len(part) for part in found]

    def total(self, value: Tensor) -> Tensor:
        return self.rows_of_all(value.unsqueeze(0))[0].sum(dim=0)

    def from_first(self, value: Tensor) -> Tensor:
        return self.rows_of_all(value.unsqueeze(0))[0][0]


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


def trained(
    model: Network, companion: Pairs, group: TrainingGroup | None = None
) -> tuple[dict[str, Tensor], list[float]]:
    run = TrainingRun(
        recipe=Recipe(epochs=3, batch_size=6, precision="float32"), device=CPU, steps_per_epoch=4, group=group
    )

    def batches(epoch: int) -> Iterator[Batch]:
        return LOADER.epoch(np.arange(23), 6, np.random.default_rng(epoch), augmented=True)

    fit(model, batches, companion, run)
    state = {
        f"{kind}.{name}": value
        for kind, module in (("n", model.network), ("c", companion))
        for name, value in module.state_dict().items()
    }
    return state, run.history


def test_two_processes_make_the_steps_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, history = trained(Network(), Pairs())
    models = [(Network(), Pairs()) for _ in range(2)]
    shared: list[Any] = [None, None]
    barrier = threading.Barrier(2)
    monkeypatch.setattr(groups, "Exchange", lambda rank, device: Threads(rank, shared, barrier))
    found: dict[int, tuple[dict[str, Tensor], list[float]]] = {}

    def work(rank: int) -> None:
        group = TrainingGroup(Launched(rank), {}, fingerprint="" if rank else None)  # type: ignore[arg-type]
        found[rank] = trained(*models[rank], group)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0][1] == pytest.approx(history, rel=1e-5)
    for name, value in alone.items():
        torch.testing.assert_close(found[0][0][name], value, rtol=1e-4, atol=1e-5)
        assert torch.equal(found[0][0][name], found[1][0][name])


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
