"""The one training loop: SGD, a schedule, mixed precision, a companion's loss, checkpoints to resume from."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch

from alkit.errors import TrainingDiverged
from alkit.utils import seeding

from .checkpoints import resume, save_progress
from .optimizers import without_compiler
from .precision import autocast
from .recipe import Recipe, TrainingRun
from .types import Step

if TYPE_CHECKING:
    from alkit.data.loader import Batch
    from alkit.interfaces.task import TaskModel

    from .types import Companion


SECONDS_BETWEEN_SAVES = 5.0


def fit(
    model: TaskModel,
    epoch_batches: Callable[[int], Iterable[Batch]],
    companion: Companion | None,
    run: TrainingRun,
) -> None:
    """Train the model, and the companion with it, for the recipe's epochs.

    The batches of an epoch depend only on its number, so a resumed training gives the same result.

    Raises:
        TrainingDiverged: the loss or a weight is no longer finite; the checkpoint is of an earlier epoch.
    """
    recipe, device, together = run.recipe, run.device, run.group
    if together is not None:
        together.begin(run)
    parameters = [p for p in model.network.parameters() if p.requires_grad]
    if companion is not None:
        parameters += [p for p in companion.parameters() if p.requires_grad]
    optimizer = _sgd(parameters, recipe)
    start = resume(model, companion, optimizer, run)
    if together is not None:
        start = together.start(model.network, companion, optimizer, run, start)
    saved = time.monotonic()
    shared = contextlib.nullcontext() if together is None else together.training(model.network)
    with shared, run.progress.bar(recipe.epochs * run.steps_per_epoch, run.label) as bar:
        bar.update(start * run.steps_per_epoch)
        for epoch in range(start, recipe.epochs):
            model.network.train()
            if companion is not None:
                companion.train()
            if together is not None:
                together.begin_epoch(epoch)
            total = torch.zeros((), device=device)
            seen = 0
            for number, batch in enumerate(epoch_batches(epoch)):
                rate = learning_rate(recipe, epoch + number / run.steps_per_epoch)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss, mean = _step_loss(model, companion, batch, (epoch, number), run)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                if together is not None:
                    together.add_gradients(parameters)
                optimizer.step()
                total += mean.detach() * len(batch)
                seen += len(batch)
                bar.update(1)
            mean_loss = float(total if together is None else together.total(total)) / max(seen, 1)
            if not math.isfinite(mean_loss) or not _finite(parameters):
                what = "loss" if not math.isfinite(mean_loss) else "weights"
                raise TrainingDiverged(
                    f"{run.label}: the {what} became infinite or not a number in epoch {epoch + 1} of "
                    f"{recipe.epochs}; lower the learning rate, or check the images and labels"
                )
            run.history.append(mean_loss)
            bar.note(f"epoch {epoch + 1} of {recipe.epochs}, loss {mean_loss:.3f}")
            if run.checkpoint is not None and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                save_progress(model, companion, optimizer, epoch + 1, run)
                saved = time.monotonic()
    model.network.eval()
    if companion is not None:
        companion.train(False)


def _sgd(parameters: list[torch.nn.Parameter], recipe: Recipe) -> torch.optim.SGD:
    make = partial(
        without_compiler(torch.optim.SGD),
        parameters,
        recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )
    try:
        return make(fused=True)
    except (RuntimeError, TypeError):  # this torch has no fused SGD for the device
        return make()


def _step_loss(
    model: TaskModel, companion: Companion | None, batch: Batch, at: tuple[int, int], run: TrainingRun
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss to minimize and the mean of the task's; in a group, what this process adds to them."""
    together = run.group
    part = batch if together is None else together.part_of(batch)
    assert part.targets is not None
    with autocast(run.device, run.recipe.precision):
        output = model.forward_batch(part)
        losses = model.loss(output, part.targets)
        mean = losses.float().mean() if together is None else losses.float().sum() / len(batch)
        if companion is None:
            return mean, mean
        if together is not None:
            output, losses = together.whole(output, losses)
        seed = seeding.derive(torch.initial_seed() if together is None else together.seed, "companion", *at)
        step = Step(
            at[0],
            run.recipe.epochs,
            batch.images,
            batch.targets,
            output,
            losses,
            model=model,
            unlabeled=run.unlabeled,
            seed=seed,
        )
        started = time.perf_counter()
        with _own_randomness(seed, run.device):
            extra = companion.extra_loss(step).float() / (1 if together is None else together.size)
        run.companion_seconds += time.perf_counter() - started
        return mean + extra, mean


@contextlib.contextmanager
def _own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's generators for a block and restore them.

    A companion's random numbers must not change the network's dropout, which uses the same generators.
    """
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        yield


def _finite(parameters: Iterable[torch.Tensor]) -> bool:
    """Check the weights too: no loss of an epoch shows what its last step did to them."""
    return bool(torch.stack([torch.isfinite(parameter).all() for parameter in parameters]).all())


def learning_rate(recipe: Recipe, epoch: float) -> float:
    """Return the learning rate at a (fractional) epoch."""
    done = min(epoch / recipe.epochs, 1.0)
    if recipe.schedule == "constant":
        factor = 1.0
    elif recipe.schedule == "step":
        factor = 1.0 if done < 0.8 else 0.1
    elif recipe.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * done))
    else:
        factor = (
            0.04 + 0.96 * done / 0.25 if done < 0.25 else 0.5 * (1 + math.cos(math.pi * (done - 0.25) / 0.75))
        )
    return recipe.learning_rate * factor
