"""Training the task model on the current labels, or loading it from a checkpoint of an identical training."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from alkit.data.loader import Batch, Loader
from alkit.errors import NotTrained, TrainingDiverged, UsageError, reason_of
from alkit.interfaces.contract import check_needs
from alkit.options import options_of
from alkit.plugin.tasks import encode
from alkit.reporting.wording import metric_name
from alkit.training.checkpoints import load_safely, save_atomically
from alkit.training.pool_images import PoolImages
from alkit.training.precision import autocast, settled
from alkit.training.recipe import Precision, Recipe, TrainingRun
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.devices import threads_for

from .cycle import own_augment
from .fingerprint import fingerprint_of, hash_of_tensors
from .pretrain import Pretrained, Pretraining

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.data.labeled_images import LabeledImages
    from alkit.data.store import ImageStore
    from alkit.data.targets import Targets
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel
    from alkit.training.group import TrainingGroup
    from alkit.training.types import Companion
    from alkit.utils.profiling import Profile
    from alkit.utils.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """The inputs of one training.

    Attributes:
        cycle: queries before it.
        seed: of the campaign.
        labeled: the training images.
        test: the images to evaluate on, or None.
        classes: names in the order of their numbers.
        strategy: whose companion is trained along, or None.
        checkpoints: directory of the files, or None to keep nothing.
        previous: checkpoint to start from if the task says `warm_start`, or None; if it is missing, that
            is reported and recorded, and training starts from new weights.
        load_only: take the result from its checkpoint, and do not train where there is none.
        group: the processes that train together; all but the first only train, and keep nothing.
    """

    cycle: int
    seed: int
    labeled: LabeledImages
    test: LabeledImages | None
    classes: Sequence[str]
    strategy: Strategy | None
    checkpoints: Path | None = None
    previous: Path | None = None
    load_only: bool = False
    group: TrainingGroup | None = None

    @property
    def unlabeled(self) -> Indices:
        """Images of the pool without a label, ascending: what a training may see that says it does."""
        return np.setdiff1d(self.labeled.images.usable, self.labeled.indices)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A trained model and its record.

    Attributes:
        model: in eval mode, on the device.
        companion: likewise, or None.
        targets: [n, ...] what it was trained on.
        fingerprint: of everything that it was made from.
        checkpoint: the file, or None if nothing is kept.
        metrics: on the test images, empty without any.
        record: recipe, mean loss by epoch, hashes of the starting weights and of the first epoch's order,
            and so on, as JSON values.
        reused: taken from the checkpoint.
    """

    model: TaskModel
    companion: Companion | None
    targets: torch.Tensor | Targets
    fingerprint: str
    checkpoint: Path | None
    metrics: Mapping[str, float]
    record: Mapping[str, Any] = field(default_factory=dict)
    reused: bool = False


def train_model(
    task: TaskModel, job: TrainingJob, device: torch.device, progress: Progress, profile: Profile
) -> TrainedModel:
    """Train, evaluate and save; or load a training with exactly the same labels and options.

    `task` has been built. A companion draws its weights from a generator of its own, so all strategies start
    from the same network and see the same batches.

    Raises:
        TrainingError: the labels do not allow it, or the loss is not finite.
        NotTrained: there is no checkpoint, and the job says to load only.
        UnsupportedTask: the strategy needs what the task does not provide.
    """
    pretraining = Pretraining(
        images=job.labeled.images,
        seed=job.seed,
        device=device,
        progress=progress,
        profile=profile,
    )
    start = pretraining.of(task, load_only=job.load_only)
    targets = encode(task, job.labeled.values)
    test_targets = None if job.test is None else encode(task, job.test.values)
    task.prepare(targets)
    task.reset(seeding.derive(job.seed, "weights", job.cycle))
    if start is not None:
        task.start_from(start.weights)
    companion = make_companion(task, job, device)
    unlabeled = job.unlabeled if task.uses_unlabeled or uses_unlabeled(companion) else None
    fingerprint = fingerprint_of(task, job, device, companion, targets, test_targets, unlabeled)
    path = None if job.checkpoints is None else job.checkpoints / f"{job.cycle:03d}-{fingerprint[:12]}.pt"
    trained = partial(
        TrainedModel,
        model=task,
        companion=companion,
        targets=targets,
        fingerprint=fingerprint,
        checkpoint=path,
    )
    if (kept := _load(path, fingerprint, task, companion, device)) is not None:
        return trained(metrics=kept["metrics"], record=kept["record"], reused=True)
    if job.load_only:
        raise NotTrained(f"cycle {job.cycle} has no trained model with these labels and options")
    record = _started(task, job, start, progress)
    run = _run_of(task, job, device, progress)
    run.checkpoint = None if path is None else path.with_suffix(".partial.pt")
    run.fingerprint = fingerprint
    if unlabeled is not None:
        seed = seeding.derive(job.seed, "unlabeled", job.cycle)
        run.unlabeled = PoolImages(job.labeled.images, unlabeled, device, seed)
    companion_note = _with_companion(job, companion)
    how = described(task, run.recipe, len(targets), companion=companion is not None)
    progress.line(f"{run.label}: {how} on {device}{companion_note}")
    with threads_for(max(job.labeled.images.shape[1:]), device):
        record["order"] = _fit(task, job, companion, targets, run, profile)
        if run.group is not None and run.group.rank > 0:
            return trained(metrics={})
        with profile.phase("evaluate"):
            pool, precision = job.labeled.images, run.recipe.precision
            metrics = evaluate(task, job.test, test_targets, pool, device, precision)
    _check_finite(metrics, run.label)
    if run.group is not None and run.group.begun:
        record["processes"] = run.group.size
    if task.solver() and companion is None:
        record["solver"] = task.solver()
    record |= {"recipe": run.recipe.as_dict(), "loss": [round(loss, 6) for loss in run.history]}
    result = trained(metrics=metrics, record=record)
    _keep(result)
    if metrics:
        name, value = next(iter(metrics.items()))
        progress.line(f"cycle {job.cycle}: test {metric_name(name)} {value:.4f}")
    return result


def _started(
    task: TaskModel, job: TrainingJob, start: Pretrained | None, progress: Progress
) -> dict[str, Any]:
    """Return what is recorded of the weights that a training starts from; load those of a warm start."""
    record: dict[str, Any] = {"starting_weights": hash_of_tensors(task.starting_weights())[:16]}
    if start is not None:
        record["pretrained"] = start.file
    if task.warm_start and job.previous is not None:
        record["warm_start"] = _warm_start(task, job.previous)
        if record["warm_start"] is None:
            progress.line(
                f"cycle {job.cycle}: no warm start: {job.previous} is missing; starting from new weights"
            )
    return record


def _run_of(task: TaskModel, job: TrainingJob, device: torch.device, progress: Progress) -> TrainingRun:
    count = len(job.labeled.indices)
    recipe = settled(task.recipe(count), device)
    return TrainingRun(
        recipe=recipe,
        device=device,
        steps_per_epoch=-(-count // recipe.batch_size),
        progress=progress,
        label=f"cycle {job.cycle}: training on {counted(count, 'label')}",
        group=job.group,
    )


def _fit(
    task: TaskModel,
    job: TrainingJob,
    companion: Companion | None,
    targets: torch.Tensor | Targets,
    run: TrainingRun,
    profile: Profile,
) -> str:
    """Train, and return a hash of the order in which the first epoch's images come."""
    labeled, recipe = job.labeled, run.recipe
    loader = Loader(
        labeled.images,
        run.device,
        targets=targets,
        labeled=labeled.indices,
        augment=own_augment(task),
    )

    def epoch_batches(epoch: int) -> Iterator[Batch]:
        rng = seeding.numpy_generator(job.seed, "order", job.cycle, epoch)
        return loader.epoch(labeled.indices, recipe.batch_size, rng, augmented=recipe.augment)

    if job.checkpoints is not None:
        job.checkpoints.mkdir(exist_ok=True)
    order = _order_of(epoch_batches(0))
    fence = seeding.fence(seeding.derive(job.seed, "training", job.cycle))
    with profile.phase("train"), fence:
        task.fit(epoch_batches, companion, run)
    if run.companion_seconds:
        profile.seconds["train"] -= run.companion_seconds
        before = profile.seconds.get("companion", 0.0)
        profile.seconds["companion"] = before + run.companion_seconds
    return order


def _keep(trained: TrainedModel) -> None:
    if trained.checkpoint is None:
        return
    companion, encoder = trained.companion, trained.model.named_encoder()
    save_atomically(
        {
            "fingerprint": trained.fingerprint,
            "encoder": None if encoder is None else encoder.identity,
            "network": trained.model.network.state_dict(),
            "companion": None if companion is None else companion.state_dict(),
            "metrics": trained.metrics,
            "record": trained.record,
        },
        trained.checkpoint,
    )
    trained.checkpoint.with_suffix(".partial.pt").unlink(missing_ok=True)


def _order_of(batches: Iterator[Batch]) -> str:
    """Hash which images come in which order; this loads no pixels."""
    digest = hashlib.sha256()
    for batch in batches:
        digest.update(batch.indices.tobytes() + b"|")
    return digest.hexdigest()[:16]


def make_companion(task: TaskModel, job: TrainingJob, device: torch.device) -> Companion | None:
    """Let the strategy make its companion, with its own seed.

    Raises:
        UnsupportedTask: the strategy needs what the task does not provide.
    """
    if job.strategy is None:
        return None
    check_needs(job.strategy, task.spec)
    with seeding.fence(seeding.derive(job.seed, "companion", job.cycle)):
        companion = job.strategy.companion(task.spec)
    if companion is not None:
        companion.to(device)
        companion.train(False)
    return companion


def uses_unlabeled(companion: Companion | None) -> bool:
    """Say whether a companion looks at images without labels."""
    return bool(getattr(companion, "uses_unlabeled", False))


def evaluate(
    task: TaskModel,
    test: LabeledImages | None,
    targets: torch.Tensor | Targets | None,
    pool: ImageStore,
    device: torch.device,
    precision: Precision,
) -> dict[str, float]:
    """Evaluate a model on test images, normalized by the pool's statistics as in training."""
    if test is None or targets is None or len(test.indices) == 0:
        return {}
    loader = Loader(
        test.images,
        device,
        targets=targets,
        labeled=test.indices,
        mean=pool.mean,
        std=pool.std,
    )
    task.network.eval()
    with torch.inference_mode(), autocast(device, precision):
        return task.evaluate(loader.sequential(test.indices, task.scoring_batch()))


def _check_finite(metrics: Mapping[str, float], label: str) -> None:
    for name, value in metrics.items():
        if not np.isfinite(value):
            raise TrainingDiverged(f"{label}: the {name} on the test images is {value}")


def described(task: TaskModel, recipe: Recipe, labels: int, *, companion: bool = False) -> str:
    """Return the whole recipe in words: the network as the task's options name it, and how it is trained."""
    trained_by = {field.name for field in dataclasses.fields(recipe)} | {"warm_start"}
    chosen = [
        f"{option.name}={_in_words(getattr(task, option.field))}"
        for option in options_of(type(task))
        if option.field not in trained_by and getattr(task, option.field) != option.default
    ]
    options = f" ({', '.join(chosen)})" if chosen else ""
    if task.solver() and not companion:
        return f"{task.name}{options}, {task.solver()}"
    steps, batch = -(-labels // recipe.batch_size), min(recipe.batch_size, labels)
    augmentation = "augmented" if recipe.augment else "not augmented"
    return (
        f"{task.name}{options}, {counted(recipe.epochs, 'epoch')} of {counted(steps, 'batch', 'batches')} "
        f"of {batch}, learning rate {recipe.learning_rate:g} {recipe.schedule}, weight decay "
        f"{recipe.weight_decay:g}, {augmentation}, {recipe.precision}"
    )


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _with_companion(job: TrainingJob, companion: Companion | None) -> str:
    if companion is None or job.strategy is None:
        return ""
    return f", with the companion of '{job.strategy.name}'"


def _load(
    path: Path | None, fingerprint: str, task: TaskModel, companion: Companion | None, device: torch.device
) -> Mapping[str, Any] | None:
    if path is None or not path.exists():
        return None
    weights = copy.deepcopy(task.network.state_dict())
    companion_weights = None if companion is None else copy.deepcopy(companion.state_dict())
    try:
        state: Mapping[str, Any] = load_safely(path, device)
        if state["fingerprint"] != fingerprint:
            return None
        task.network.load_state_dict(state["network"])
        if companion is not None:
            companion.load_state_dict(state["companion"])
    except Exception:  # a checkpoint is a cache: if it is damaged, train again from the start
        task.network.load_state_dict(weights)
        if companion is not None and companion_weights is not None:
            companion.load_state_dict(companion_weights)
        return None
    task.network.eval()
    return state


def _warm_start(task: TaskModel, previous: Path) -> str | None:
    """Load the weights of the training before; return the file's name, or None if it is missing."""
    if not previous.exists():
        return None
    try:
        task.network.load_state_dict(load_safely(previous)["network"])
    except Exception as error:  # torch raises almost anything on broken files
        raise UsageError(
            f"{previous} cannot start the next training (warm-start): {reason_of(error)}"
        ) from error
    return previous.name
