"""Train the task model on the labels at hand, or take it back from a checkpoint made from the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import seeding
from .batches import Batch, Loader
from .devices import threads_for
from .errors import TrainingDiverged, UsageError
from .options import values_of
from .recipe import Precision, Session
from .selection import check_needs
from .training import autocast, load_safely, save_atomically

if TYPE_CHECKING:
    import numpy.typing as npt

    from .measure import Measures
    from .progress import Progress
    from .store import ImageStore
    from .strategy import Strategy
    from .task import Companion, TaskModel

    Indices = npt.NDArray[np.int64]

SCORING_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LabeledImages:
    """Images with their answers: a store, positions in it, and one answer a position."""

    images: ImageStore
    indices: Indices
    values: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one training is made from.

    Attributes:
        cycle: queries before it.
        seed: of the campaign.
        labeled: what is trained on.
        test: what it is judged on, or None.
        classes: names in the order of their numbers.
        strategy: whose companion is trained along, or None.
        checkpoints: directory of the files.
        previous: checkpoint to start from where the task says `warm_start`, or None.
    """

    cycle: int
    seed: int
    labeled: LabeledImages
    test: LabeledImages | None
    classes: Sequence[str]
    strategy: Strategy | None
    checkpoints: Path
    previous: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A trained model with what is known of it.

    Attributes:
        model: in eval mode, on the device.
        companion: likewise, or None.
        targets: [n, ...] what it was trained on.
        fingerprint: of everything that it was made from.
        checkpoint: the file.
        metrics: on the test images, empty without any.
        record: recipe, mean loss by epoch, and so on, as JSON values.
        reused: taken from the checkpoint.
    """

    model: TaskModel
    companion: Companion | None
    targets: torch.Tensor
    fingerprint: str
    checkpoint: Path
    metrics: Mapping[str, float]
    record: Mapping[str, Any] = field(default_factory=dict)
    reused: bool = False


def learn(
    task: TaskModel, lesson: Lesson, device: torch.device, progress: Progress, measures: Measures
) -> Learned:
    """Train, judge and save; or load what was made from the very same labels and options.

    `task` has been built. A companion draws its weights from a generator of its own, so all strategies start
    from the same network and see the same batches.

    Raises:
        TrainingError: the labels do not allow it, or the loss is not finite.
        UnsupportedTask: the strategy needs what the task does not provide.
    """
    labeled = lesson.labeled
    targets = task.encode(labeled.values)
    task.prepare(targets)
    task.reset(seeding.derive(lesson.seed, "weights", lesson.cycle))
    companion = make_companion(task, lesson, device)
    fingerprint = fingerprint_of(task, lesson, device, companion)
    path = lesson.checkpoints / f"{lesson.cycle:03d}-{fingerprint[:12]}.pt"
    kept = _load(path, fingerprint, task, companion, device)
    recipe = task.recipe(len(labeled.indices))
    if kept is not None:
        return Learned(
            model=task,
            companion=companion,
            targets=targets,
            fingerprint=fingerprint,
            checkpoint=path,
            metrics=kept["metrics"],
            record=kept["record"],
            reused=True,
        )
    if getattr(task, "warm_start", False) and lesson.previous is not None:
        _warm_start(task, lesson.previous)
    lesson.checkpoints.mkdir(exist_ok=True)
    steps = -(-len(labeled.indices) // recipe.batch_size)
    session = Session(
        recipe=recipe,
        device=device,
        steps_per_epoch=steps,
        progress=progress,
        checkpoint=path.with_suffix(".partial.pt"),
        fingerprint=fingerprint,
        label=f"cycle {lesson.cycle}: training on {len(labeled.indices):,} labels",
    )
    batch = min(recipe.batch_size, len(labeled.indices))
    progress.line(
        f"{session.label}: {recipe.epochs} epochs of {steps} batches of {batch}"
        f" on {device}{_with_companion(lesson, companion)}"
    )
    loader = Loader(labeled.images, device, targets=targets, labeled=labeled.indices)

    def epoch_batches(epoch: int) -> Iterator[Batch]:
        rng = seeding.numpy_generator(lesson.seed, "order", lesson.cycle, epoch)
        return loader.epoch(labeled.indices, recipe.batch_size, rng, augmented=recipe.augment)

    with threads_for(max(labeled.images.shape[1:]), device):
        fence = seeding.fence(seeding.derive(lesson.seed, "training", lesson.cycle))
        with measures.phase("train"), fence:
            task.fit(epoch_batches, companion, session)
        with measures.phase("evaluate"):
            metrics = evaluate(task, lesson.test, labeled.images, device, recipe.precision)
    for name, value in metrics.items():
        if not np.isfinite(value):
            raise TrainingDiverged(f"{session.label}: the {name} on the test images is {value}")
    record = {"recipe": recipe.as_dict(), "loss": [round(loss, 6) for loss in session.history]}
    save_atomically(
        {
            "fingerprint": fingerprint,
            "network": task.network.state_dict(),
            "companion": None if companion is None else companion.state_dict(),
            "metrics": metrics,
            "record": record,
        },
        path,
    )
    path.with_suffix(".partial.pt").unlink(missing_ok=True)
    if metrics:
        name, value = next(iter(metrics.items()))
        progress.line(f"cycle {lesson.cycle}: test {name} {value:.4f}")
    return Learned(
        model=task,
        companion=companion,
        targets=targets,
        fingerprint=fingerprint,
        checkpoint=path,
        metrics=metrics,
        record=record,
    )


def make_companion(task: TaskModel, lesson: Lesson, device: torch.device) -> Companion | None:
    """Let the strategy make its companion, from a seed of its own.

    Raises:
        UnsupportedTask: the strategy needs what the task does not provide.
    """
    if lesson.strategy is None:
        return None
    check_needs(lesson.strategy, task.spec)
    with seeding.fence(seeding.derive(lesson.seed, "companion", lesson.cycle)):
        companion = lesson.strategy.companion(task.spec)
    if companion is not None:
        companion.to(device)
        companion.train(False)
    return companion


def evaluate(
    task: TaskModel,
    test: LabeledImages | None,
    pool: ImageStore,
    device: torch.device,
    precision: Precision,
) -> dict[str, float]:
    """Judge a model on test images, normalized by the pool's statistics as in training."""
    if test is None or len(test.indices) == 0:
        return {}
    loader = Loader(
        test.images,
        device,
        targets=task.encode(test.values),
        labeled=test.indices,
        mean=pool.mean,
        std=pool.std,
    )
    task.network.eval()
    with torch.inference_mode(), autocast(device, precision):
        return task.evaluate(loader.sequential(test.indices, SCORING_BATCH))


def fingerprint_of(task: TaskModel, lesson: Lesson, device: torch.device, companion: Companion | None) -> str:
    """Hash everything that a training is made from, so that equal means the same model."""
    strategy = lesson.strategy if companion is not None else None
    parts = {
        "seed": lesson.seed,
        "cycle": lesson.cycle,
        "task": task.name,
        "options": values_of(task),
        "shape": task.spec.image_shape,
        "classes": list(lesson.classes),
        "companion": None if strategy is None else [strategy.name, values_of(strategy)],
        "device": device.type,
        "previous": lesson.previous.name if lesson.previous and getattr(task, "warm_start", False) else None,
        "labels": [[int(i), v] for i, v in zip(lesson.labeled.indices, lesson.labeled.values, strict=True)],
        "test": None
        if lesson.test is None
        else [[int(i), v] for i, v in zip(lesson.test.indices, lesson.test.values, strict=True)],
    }
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()


def _with_companion(lesson: Lesson, companion: Companion | None) -> str:
    if companion is None or lesson.strategy is None:
        return ""
    return f", with the companion of '{lesson.strategy.name}'"


def _load(
    path: Path, fingerprint: str, task: TaskModel, companion: Companion | None, device: torch.device
) -> Mapping[str, Any] | None:
    if not path.exists():
        return None
    try:
        state = load_safely(path, device)
    except Exception:  # a checkpoint is a cache: a damaged one is trained again
        return None
    if state.get("fingerprint") != fingerprint:
        return None
    task.network.load_state_dict(state["network"])
    task.network.eval()
    if companion is not None:
        companion.load_state_dict(state["companion"])
    kept: Mapping[str, Any] = state
    return kept


def _warm_start(task: TaskModel, previous: Path) -> None:
    try:
        task.network.load_state_dict(load_safely(previous)["network"])
    except (OSError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"{previous} cannot start the next training (warm-start): {reason}") from error
