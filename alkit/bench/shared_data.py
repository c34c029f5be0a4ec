"""The data that all cells of a benchmark share: images, labels, test images, classes, task and device."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.features import mapped_features
from alkit.data.labeled_images import LabeledImages
from alkit.data.pool_columns import PoolColumns
from alkit.data.store import ImageStore
from alkit.interfaces.labels import ImageFacts
from alkit.interfaces.labels import Labels as LabelKind
from alkit.options import build, values_of
from alkit.plugin import registry
from alkit.plugin.tasks import build_task
from alkit.utils.files import write_atomically
from alkit.utils.json_values import finite

if TYPE_CHECKING:
    import torch

    from alkit._typing import Indices
    from alkit.interfaces.task import TaskModel


SEED = 0  # for draws shared by all seeds: an imbalanced pool, and the images that a backbone is trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Images that were read into a raw file, with their labels.

    Attributes:
        path: rows of C x H x W bytes.
        count: rows.
        members: positions that take part, ascending: usable, labeled, and not copies.
        labels: text of the label by position, such as a class name; empty where unknown.
        features: raw file of their features, empty without an encoder.
        dim: how many features an image has.
        costs: of labeling each image by position, from the column `cost` of the pool; empty without it, or
            if one is unknown.
        columns: the other columns that strategies ask for: by name, its text by position.
    """

    path: str
    count: int
    members: tuple[int, ...]
    labels: tuple[str, ...]
    features: str = ""
    dim: int = 0
    costs: tuple[float, ...] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SharedData:
    """Everything that cells have in common; plain values, so that it travels to other processes as JSON.

    Attributes:
        location: of the pool in use.
        shape: (C, H, W).
        classes: names in the order of their numbers.
        pool: the images that strategies choose from.
        test: the images that models are evaluated on.
        task: name of the task's plugin.
        task_options: of the task, the backbone's weights included.
        cache: directory where embeddings are kept.
        device: where cells compute.
        is_toy: the images are points in the plane, see `alkit.bench.toy`.
        notes: sentences for a person.
    """

    location: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pool: Images
    test: Images
    task: str
    task_options: Mapping[str, Any]
    cache: str
    device: str
    is_toy: bool = False
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomically(path, json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls, path: Path) -> SharedData:
        """Read what `save` wrote."""
        table = json.loads(path.read_text(encoding="utf-8"))
        for name in ("pool", "test"):
            table[name] = Images(**{k: _tuple(v) for k, v in table[name].items()})
        return cls(**{key: _tuple(value) for key, value in table.items()})

    def fingerprint(self) -> str:
        """Hash the labels and a sample of the pixels, so that results on other data are never mixed in."""
        digest = hashlib.sha256(repr((self.shape, self.classes, self.pool.members)).encode())
        digest.update(repr((self.pool.labels, self.test.members, self.test.labels)).encode())
        if self.pool.columns:
            digest.update(json.dumps(self.pool.columns, sort_keys=True).encode())
        for images in (self.pool, self.test):
            members = np.array(images.members)
            some = members[np.unique(np.linspace(0, len(members) - 1, 256).astype(np.int64))]
            digest.update(self.store(images).take(some).numpy().tobytes())
        return digest.hexdigest()[:16]

    def task_model(self) -> TaskModel:
        """Return a new task model, built."""
        task = build(registry.tasks.get(self.task), self.task_options)
        task.cache_dir = Path(self.cache)
        task.known_labels = self.reader
        build_task(task, self.shape, self.classes, self.torch_device)
        return task

    @cached_property
    def reader(self) -> LabelKind:
        """What reads labels; files of masks are in the cache."""
        task: TaskModel = build(registry.tasks.get(self.task), self.task_options)
        return task.make_labels(self.classes, folder=Path(self.cache))

    @property
    def torch_device(self) -> torch.device:
        """Where cells compute."""
        from alkit.utils.devices import find_device  # noqa: PLC0415  # torch takes seconds to import

        return find_device(self.device)

    @cached_property
    def images(self) -> ImageStore:
        """The pool's pixels."""
        return self.store(self.pool)

    def test_images(self) -> LabeledImages:
        """Return the test images with their labels."""
        return self.labeled(self.test, np.array(self.test.members, dtype=np.int64), self.store(self.test))

    def labeled(self, images: Images, indices: Indices, store: ImageStore) -> LabeledImages:
        """Return images with their labels as the task takes them."""
        values = [self.reader.parse(images.labels[index], ImageFacts()) for index in indices.tolist()]
        return LabeledImages(images=store, indices=indices, values=values)

    def store(self, images: Images) -> ImageStore:
        """Return the pixels of images that were read."""
        usable = np.zeros(images.count, dtype=bool)
        usable[list(images.members)] = True
        store = ImageStore.open(Path(images.path), self.shape, images.count, usable=usable)
        if images.columns:
            keys = [str(index) for index in range(images.count)]
            tables = {name: dict(zip(keys, texts, strict=True)) for name, texts in images.columns.items()}
            store.columns = PoolColumns(keys, lambda: tables)
        if images.features:
            store.features = mapped_features(Path(images.features), images.count, images.dim)
        return store


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def task_options_of(task: TaskModel) -> dict[str, Any]:
    """Return a task's options for a record; files without their folders, which differ between machines."""
    return {
        key: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for key, value in finite(values_of(task)).items()
    }
