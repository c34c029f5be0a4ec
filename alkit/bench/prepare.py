"""Preparation of a benchmark: read the images, draw the pool and seed sets, and train the backbone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.aspect import size_in_proportion
from alkit.data.checksums import move_store
from alkit.data.features import ensure_features, features_path
from alkit.data.pool_columns import PoolColumns
from alkit.data.preprocessing import choose_shape, scan, unread_records
from alkit.data.source import Source
from alkit.data.sources import with_pixels
from alkit.data.store import StoreWriter, damaged_blocks, is_whole
from alkit.errors import BenchmarkError, InvalidProtocol, SourceError
from alkit.interfaces.labels import ImageFacts, Labels, values_of, written_labels
from alkit.options import build
from alkit.plugin import registry
from alkit.plugin.sources import open_source
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.files import temporary_name, write_atomically
from alkit.utils.malloc import keep_freed_memory
from alkit.utils.progress import Progress

from . import toy
from .backbone import with_backbone
from .protocol import Protocol
from .shared_data import SEED, Images, SharedData
from .upper_bound import participant

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.interfaces.task import TaskModel


def prepare(
    protocol: Protocol, cache: Path, *, device: str = "auto", download: bool = False, progress: Progress
) -> SharedData:
    """Read the images, draw the pool, and train the backbone if there is one, using the cache.

    Raises:
        SourceError: no pool of the protocol is available, or it has no labels or no test images.
        InvalidProtocol: the pool is smaller than the protocol asks for.
    """
    from alkit.utils.devices import find_device  # noqa: PLC0415  # torch takes seconds to import

    cache.mkdir(parents=True, exist_ok=True)
    found = find_device(device)
    if found.type == "cpu":
        keep_freed_memory()
    pool_source, test_source, notes = _sources(protocol, download)
    shape = _shape(pool_source, protocol)
    reader = labels_of(protocol, cache)
    pool = _read(pool_source, shape, cache, progress, reader)
    test = _read(test_source, shape, cache, progress, reader)
    if protocol.labels.draw == "balanced" and reader.kind != "class":
        raise InvalidProtocol(
            f"labels.draw=balanced needs one class an image, which task '{protocol.task.name}' does not have"
        )
    classes = _classes(pool_source, pool, reader)
    shared = SharedData(
        location=pool_source.location,
        shape=shape,
        classes=classes,
        pool=_with_columns(pool, pool_source, protocol),
        test=test,
        task=protocol.task.name,
        task_options=dict(protocol.task.options),
        cache=str(cache),
        device=str(found),
        is_toy=isinstance(pool_source, toy.ToyPoints),
        notes=tuple(notes),
    )
    shared = _encoded(shared, (pool_source, test_source), progress)
    if protocol.backbone is not None:
        shared = with_backbone(shared, protocol.backbone, progress)
    shared = dataclasses.replace(shared, pool=_imbalanced(shared.pool, classes, protocol))
    _check_size(protocol, shared)
    return shared


def _encoded(shared: SharedData, sources: tuple[Source, Source], progress: Progress) -> SharedData:
    """Compute the features of all images, or find them in the cache, if the task has an encoder."""
    task: TaskModel = build(registry.tasks.get(shared.task), shared.task_options)
    encoder = task.named_encoder()
    if encoder is None:
        return shared
    encoded: list[Images] = []
    for images, source in zip((shared.pool, shared.test), sources, strict=True):
        path = features_path(Path(shared.cache), Path(images.path).stem, encoder.identity, encoder.precision)
        ensure_features(
            path,
            source,
            unread_records(source.keys()),
            encoder=encoder.name,
            dim=encoder.dim,
            encoder_input=encoder.input,
            open_embed=lambda: encoder.embed(shared.torch_device),
            progress=progress,
        )
        encoded.append(dataclasses.replace(images, features=str(path), dim=encoder.dim))
    return dataclasses.replace(shared, pool=encoded[0], test=encoded[1])


def seed_set(protocol: Protocol, shared: SharedData, seed: int) -> Indices:
    """Draw the labels that a seed starts from, the same for every strategy; ascending positions."""
    rng = seeding.numpy_generator(seed, "seed set")
    members, start = np.array(shared.pool.members, dtype=np.int64), protocol.labels.start
    if protocol.labels.draw == "random" or shared.reader.kind != "class":
        return np.sort(rng.choice(members, size=start, replace=False))
    shuffled = rng.permutation(members)
    by_class: dict[str, list[int]] = {}
    for index in shuffled.tolist():
        by_class.setdefault(shared.pool.labels[index], []).append(index)
    turns = [group[turn] for turn in range(start) for group in by_class.values() if turn < len(group)]
    return np.sort(np.array(turns[:start], dtype=np.int64))


def _sources(protocol: Protocol, download: bool) -> tuple[Source, Source, list[str]]:
    """Open the first available pool and its test images."""
    missing: list[str] = []
    notes: list[str] = []
    for location in protocol.data.pool:
        if location == toy.NAME:
            return toy.ToyPoints(test=False), toy.ToyPoints(test=True), notes
        try:
            pool = with_pixels(open_source(location, root=protocol.data.root, download=download))
        except SourceError as error:
            missing.append(f"{location}: {error}")
            continue
        if missing:
            notes.append(f"runs on {location}, since {protocol.data.pool[0]} is not available")
        test = protocol.data.test
        other = pool.test_split() if test is None else open_source(test, root=protocol.data.root)
        if other is None:
            raise SourceError(f"'{location}' has no test images of its own; give some with --test")
        return pool, other, notes
    raise SourceError(
        f"protocol '{protocol.name}' finds none of its pools ({'; '.join(missing)}); give a labeled one with "
        "--pool and --test, the folder of a data set with --root, or use --download"
    )


def _shape(source: Source, protocol: Protocol) -> tuple[int, int, int]:
    size: int | tuple[int, int] | None = protocol.data.image_size
    if size is None and registry.tasks.get(protocol.task.name).keeps_aspect:
        size = size_in_proportion(source, source.keys())
    return choose_shape(source, source.keys(), size=size)


def _fitted(reader: Labels, value: Any, source: Source, key: str, shape: tuple[int, int, int]) -> Any:
    """Return the value of a label for an image of a shape."""
    _, height, width = source.header(key) or (0, 0, 0)
    return reader.resized(value, (width, height), (shape[2], shape[1]))


def _read(
    source: Source, shape: tuple[int, int, int], cache: Path, progress: Progress, reader: Labels
) -> Images:
    """Read a source into a raw file of the cache, or find it there."""
    keys, labels = source.keys(), written_labels(source, reader)
    if reader.fits_size:  # what is kept in the cache fits the images there; files of masks do not move
        values = values_of(source, labels, reader, "of the protocol")
        labels = {
            key: reader.text(_fitted(reader, value, source, key, shape)) for key, value in values.items()
        }
    if not labels:
        raise SourceError(
            f"the images in '{source.location}' have no labels; a benchmark needs a labeled pool"
        )
    file = Path(source.location)  # of arrays; files in a folder have their own stamps
    stamp = _stamp(file) if file.is_file() else ""
    digest = hashlib.sha256(repr((source.location, shape, stamp)).encode())
    for key in keys:
        digest.update(f"{key} {labels.get(key)} {_stamp(source.path(key))}\n".encode())
    path = cache / f"images-{digest.hexdigest()[:16]}.u8"
    index = path.with_suffix(".json")
    if not (
        index.exists() and is_whole(path, shape, len(keys)) and damaged_blocks(path, shape, len(keys)) == []
    ):
        path.unlink(missing_ok=True)
        draft = temporary_name(path)
        try:
            with StoreWriter(draft, shape) as store:
                records = scan(source, keys, store=store, progress=progress)
            move_store(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        members = [
            record.index
            for record in records
            if record.unusable is None and record.duplicate_of is None and record.key in labels
        ]
        write_atomically(index, json.dumps(members))
    members = json.loads(index.read_text(encoding="utf-8"))
    if not members:
        raise SourceError(f"no image in '{source.location}' is both usable and labeled; use another pool")
    return Images(
        path=str(path),
        count=len(keys),
        members=tuple(members),
        labels=tuple(labels.get(key, "") for key in keys),
        costs=_costs(source, keys, members),
    )


def _with_columns(pool: Images, source: Source, protocol: Protocol) -> Images:
    """Add the columns that strategies of the protocol ask for.

    Raises:
        SourceError: the pool has no such column.
    """
    wanted = sorted({name for entry in protocol.strategies for name in participant(entry).columns})
    columns = PoolColumns(source.keys(), source.columns)
    return dataclasses.replace(pool, columns={name: tuple(columns.texts(name)) for name in wanted})


def _costs(source: Source, keys: Sequence[str], members: Sequence[int]) -> tuple[float, ...]:
    """Return what each image costs to label; nothing if that of one that takes part is unknown."""
    texts = source.columns().get("cost", {})
    try:
        costs = [float(texts.get(key) or "nan") for key in keys]
    except ValueError:
        return ()
    if any(not math.isfinite(costs[index]) for index in members):
        return ()
    return tuple(cost if math.isfinite(cost) else 0.0 for cost in costs)


def _stamp(path: Path | None) -> str:
    if path is None:
        return ""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _classes(source: Source, pool: Images, reader: Labels) -> tuple[str, ...]:
    if not reader.named:
        return ()
    if declared := tuple(reader.declared(source.classes)):
        return declared
    values = [reader.parse(pool.labels[index], ImageFacts()) for index in pool.members]
    return tuple(reader.new_classes(sorted({name for value in values for name in reader.names(value)})))


def labels_of(protocol: Protocol, cache: Path | None = None) -> Labels:
    """Return what reads the labels of a protocol's task while the classes are unknown."""
    task: TaskModel = build(registry.tasks.get(protocol.task.name), protocol.task.options)
    return task.make_labels((), folder=cache)


def _imbalanced(pool: Images, classes: Sequence[str], protocol: Protocol) -> Images:
    """Keep fewer images of some classes, as the protocol says; drawn once for all seeds."""
    data = protocol.data
    if data.imbalance == "none":
        return pool
    if not classes or labels_of(protocol).kind != "class":
        raise InvalidProtocol(
            f"data.imbalance needs one class an image, which task '{protocol.task.name}' does not have"
        )
    rng = seeding.numpy_generator(SEED, "imbalance")
    labels = np.array([pool.labels[index] for index in pool.members])
    members = np.array(pool.members, dtype=np.int64)
    largest = min(int((labels == name).sum()) for name in classes)
    kept: list[int] = []
    for number, name in enumerate(classes):
        if data.imbalance == "long-tailed":
            share = data.ratio ** (-number / max(len(classes) - 1, 1))
        else:
            share = 1 / data.ratio if number % 2 == 0 else 1.0
        count = max(1, round(largest * share))
        kept += rng.permutation(members[labels == name])[:count].tolist()
    return dataclasses.replace(pool, members=tuple(sorted(kept)))


def _check_size(protocol: Protocol, shared: SharedData) -> None:
    labels = protocol.labels
    wanted = labels.start + labels.budget * labels.cycles
    if wanted > len(shared.pool.members):
        raise InvalidProtocol(
            f"{counted(labels.start, 'label')} and {counted(labels.cycles, 'query', 'queries')} of "
            f"{labels.budget:,} need more than the "
            f"{counted(len(shared.pool.members), 'image')} of the pool; lower labels.start, labels.budget or "
            "labels.cycles"
        )


def warm_up(shared: SharedData) -> None:
    """Let a task that caches by image fill its cache, before many processes do so at once."""
    from alkit.data.loader import Loader  # noqa: PLC0415  # torch takes seconds to import

    task = shared.task_model()
    for images in (shared.pool, shared.test):
        store = shared.store(images)
        mean, std = shared.images.mean, shared.images.std
        loader = Loader(store, shared.torch_device, mean=mean, std=std)
        first = np.array(images.members[:1], dtype=np.int64)
        for batch in loader.sequential(first, 1):
            try:
                task.network.eval()
                task.forward_batch(batch)
            except (RuntimeError, ValueError) as error:
                raise BenchmarkError(f"task '{shared.task}' fails on the images: {error}") from error
