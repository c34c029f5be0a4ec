"""A hash of everything that a training is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from alkit.composition.factory import effective_options, origins, plugin_of
from alkit.data.targets import Targets
from alkit.errors import AmbiguousPlugin, UnknownPlugin
from alkit.options import values_of
from alkit.plugin import registry

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel
    from alkit.training.types import Companion

    from .round import Round
    from .train import TrainedModel, TrainingJob


def fingerprint_of(
    task: TaskModel,
    job: TrainingJob,
    device: torch.device,
    companion: Companion | None,
    targets: torch.Tensor | Targets,
    test_targets: torch.Tensor | Targets | None,
    unlabeled: Indices | None = None,
) -> str:
    """Hash everything that a training is made from, so that equal means the same model.

    A training sees of the pool its labeled images, whose content never changes under an index, and the
    statistics of all. One that sees unlabeled images depends on these, too.

    Starting weights stand for files of weights and for most of the code that makes a network, the identity of
    an encoder for its own; versions stand for the rest of the code.
    """
    previous = job.previous if task.warm_start and job.previous and job.previous.exists() else None
    store = job.labeled.images
    parts = {
        "seed": job.seed,
        "cycle": job.cycle,
        "task": [task.name, version_of_task(task)],
        "options": values_of(task),
        "shape": task.spec.image_shape,
        "classes": list(job.classes),
        "normalization": [store.mean.tolist(), store.std.tolist()],
        "weights": hash_of_tensors(task.starting_weights()),
        "companion": None if companion is None else _made_from(companion, job.strategy),
        "device": device.type,
        "previous": previous and previous.name,
        "labels": [job.labeled.indices.tolist(), _digest_of(targets)],
        "test": None
        if job.test is None or test_targets is None
        else [job.test.indices.tolist(), _digest_of(test_targets)],
    }
    if (encoder := task.named_encoder()) is not None:
        parts["encoder"] = encoder.identity
    if unlabeled is not None:
        parts["unlabeled"] = store.digest(unlabeled)
    return hash_of_values(parts)


def version_of_task(task: TaskModel) -> str | None:
    """Return the version of the distribution that a task comes from; None for a class from elsewhere."""
    try:
        return registry.tasks.find(task.name).version
    except (UnknownPlugin, AmbiguousPlugin):  # a class passed as an object, not found by name
        return None


def _digest_of(targets: torch.Tensor | Targets) -> str:
    return targets.digest() if isinstance(targets, Targets) else hash_of_tensors({"targets": targets})


def scoring_identity(
    round_: Round, task: TaskModel, trained: TrainedModel | None, more: Mapping[str, Any]
) -> str:
    """Hash what the outputs of a model depend on, apart from the images.

    Args:
        round_: of the scoring.
        task: the model; untrained where `trained` is None.
        trained: the training; of a training that was repeated on a GPU, the weights differ.
        more: JSON values that count, too.
    """
    store, companion = round_.labeled.images, None if trained is None else trained.companion
    parts = {
        "task": [task.name, version_of_task(task), values_of(task)],
        "weights": hash_of_tensors(task.network.state_dict()),
        "companion": None if companion is None else hash_of_tensors(companion.state_dict()),
        "training": None if trained is None else trained.fingerprint,
        "labels": [
            round_.labeled.indices.tolist(),
            None if trained is not None else _digest_of(task.encode(round_.labeled.values)),
        ],
        "normalization": [store.mean.tolist(), store.std.tolist()],
        "arithmetic": [
            *(round_.device.type, round_.most_threads, torch.__version__),
            task.recipe(len(round_.labeled.indices)).precision,
        ],
        **more,
    }
    return hash_of_values(parts)


def _made_from(companion: Companion, strategy: Strategy | None) -> list[Any]:
    """Return what a companion's training depends on: its class, starting weights and plain attributes.

    If it keeps anything else, all options of its strategy count, so that none is missed.
    """
    kept: list[Any] = []
    plain, of_any_module = isinstance(companion, nn.Module), vars(nn.Module()).keys()
    for name, module in companion.named_modules() if isinstance(companion, nn.Module) else ():
        own = {key: value for key, value in vars(module).items() if key not in of_any_module}
        plain = plain and all(_is_plain(value) for value in own.values())
        kept.append([name, type(module).__qualname__, {k: v for k, v in own.items() if _is_plain(v)}])
    # A module may move within its distribution without changing what its classes compute.
    plugin = None if strategy is None else plugin_of(strategy)
    owner = type(companion).__module__ if plugin is None else plugin.distribution
    name = f"{owner}:{type(companion).__qualname__}"
    parts: list[Any] = [name, hash_of_tensors(companion.state_dict()), kept]
    if strategy is not None:
        parts += [plugin and plugin.version, origins(strategy)]
        if not plain:
            parts += [strategy.name, effective_options(strategy)]
    return parts


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def hash_of_values(values: Mapping[str, Any]) -> str:
    """Return the hash of JSON values; other values count by their text."""
    return hashlib.sha256(json.dumps(values, default=str, sort_keys=True).encode()).hexdigest()


def hash_of_tensors(tensors: Mapping[str, Any]) -> str:
    """Return the hash of tensors by name: type, shape and bytes; other values count by their text."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {list(value.shape)} ".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(f"{name} {value!r} ".encode())
    return digest.hexdigest()
