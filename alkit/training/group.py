"""Processes that train one network: each computes a part of every batch, and gradients are added up."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from alkit.data.loader import BatchPart
from alkit.data.targets import map_tensors
from alkit.errors import TrainingError, UsageError
from alkit.utils import seeding

from .exchange import Exchange
from .sync_norm import synchronized
from .types import Output

if TYPE_CHECKING:
    from alkit.data.loader import Batch

    from .launch import Launch
    from .recipe import TrainingRun
    from .types import Companion


class TrainingGroup:
    """The processes of one training, as one of them sees them; the training loop calls it.

    A step is that of one process: the same images in the same order with the same augmentation, the mean of
    all losses, batch normalization over the whole batch, and a companion that sees the whole batch.

    Args:
        launch: the processes.
        job: what the others need to take part, JSON values; process 0 sends it when the loop begins.
        fingerprint: that the training should have; None in process 0, which says so.
    """

    def __init__(self, launch: Launch, job: dict[str, Any], fingerprint: str | None = None) -> None:
        self.rank, self.size = launch.rank, launch.size
        self.begun = False
        self.seed = 0
        self._launch, self._job, self._fingerprint = launch, job, fingerprint

    def begin(self, run: TrainingRun) -> None:
        """Meet the other processes; does nothing when called again in the same training.

        Raises:
            TrainingError: a process cannot take part.
        """
        if self.begun:
            return
        self.seed = torch.initial_seed()
        if self.rank == 0:
            self._launch.announce(json.dumps({**self._job, "fingerprint": run.fingerprint}))
            run.progress.line(f"{run.label}: in {self.size} processes")
        elif run.fingerprint != self._fingerprint:
            raise TrainingError(
                "it would train something else; are alkit, torch and its plugins the same versions "
                "everywhere, and do all processes see the same files?"
            )
        else:
            self._launch.ready()
        self.begun = True
        self._exchange = Exchange(self._launch.group(run.device), run.device)

    @contextlib.contextmanager
    def training(self, network: nn.Module) -> Iterator[None]:
        """Normalize over whole batches, and share the cores of a machine among its processes."""
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads // self._launch.local_size))
        try:
            with synchronized(network, self._exchange):
                yield
        finally:
            torch.set_num_threads(threads)

    def start(
        self,
        model: nn.Module,
        companion: Companion | None,
        optimizer: torch.optim.Optimizer,
        run: TrainingRun,
        epoch: int,
    ) -> int:
        """Take the weights, the optimizer's state and the first epoch from process 0; return the epoch."""
        first = int(self._exchange.from_first(torch.tensor([epoch]))[0])
        model.load_state_dict(self._of_first(model.state_dict()))
        if companion is not None:
            companion.load_state_dict(self._of_first(companion.state_dict()))
        if first > 0 and optimizer.defaults.get("momentum"):
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    kept = optimizer.state[parameter].get("momentum_buffer")
                    kept = torch.zeros_like(parameter) if kept is None else kept
                    optimizer.state[parameter]["momentum_buffer"] = self._exchange.from_first(kept)
        if self.rank > 0:
            run.history[:] = [0.0] * first
        return first

    def begin_epoch(self, epoch: int) -> None:
        """Let each process draw its own dropout, the same in a resumed training."""
        torch.manual_seed(seeding.derive(self.seed, "process", self.rank, epoch))

    def part_of(self, batch: Batch) -> Batch:
        """Return this process's part of a batch: consecutive images; sizes differ by at most one.

        Raises:
            UsageError: there are fewer images than processes.
        """
        if len(batch) < self.size:
            raise UsageError(
                f"a batch of {len(batch)} images is too small for {self.size} processes; start fewer, or set "
                "a larger batch size"
            )
        return BatchPart(batch, *part_of(len(batch), self.rank, self.size))

    def whole(self, output: Output, losses: Tensor) -> tuple[Output, Tensor]:
        """Return the output and the losses of a whole batch, with the graph of this process's part."""
        join = self._exchange.join
        return _mapped(output, join), join(losses)

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Add up the gradients of all processes."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            return
        flat = self._exchange.total(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def _of_first(self, state: Mapping[str, Any]) -> dict[str, Any]:
        first = self._exchange.from_first
        return {name: first(value) if isinstance(value, Tensor) else value for name, value in state.items()}

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""
        return self._exchange.total(value)


def part_of(count: int, rank: int, size: int) -> tuple[int, int]:
    """Return where the part of a process begins and ends, of `count` images."""
    bounds = np.linspace(0, count, size + 1).round().astype(int)
    return int(bounds[rank]), int(bounds[rank + 1])


def _mapped(output: Output, function: Callable[[Tensor], Tensor]) -> Output:
    def each(value: Any) -> Any:
        return map_tensors(function, value)

    return Output(
        prediction=each(output.prediction),
        probabilities=each(output.probabilities),
        embedding=each(output.embedding),
        features=each(output.features),
        weights=each(output.weights),
        numbers=each(output.numbers),
        variances=each(output.variances),
    )
