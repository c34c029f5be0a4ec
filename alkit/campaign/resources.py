"""What a campaign works with, made from its settings when it is first needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit import options as opts
from alkit.composition.factory import ResolvedStrategy, resolve
from alkit.data.labeled_images import LabeledImages
from alkit.errors import SourceError
from alkit.interfaces.labels import PLAIN_KINDS
from alkit.plugin import registry
from alkit.plugin.oracles import connect
from alkit.plugin.single_file import absolute
from alkit.plugin.tasks import build_task
from alkit.utils.console import command_to_run
from alkit.utils.malloc import keep_freed_memory

if TYPE_CHECKING:
    import torch

    from alkit.campaign.record.ledger import Ledger
    from alkit.campaign.record.settings import Settings, SourceChoice
    from alkit.campaign.record.state import State
    from alkit.data.feature_blocks import FeatureBlocks
    from alkit.data.pixel_types import PixelType
    from alkit.data.pool_columns import PoolColumns
    from alkit.data.preprocessing import ImageRecord
    from alkit.data.source import Source
    from alkit.data.store import ImageStore
    from alkit.interfaces.labels import ImageFacts, Labels
    from alkit.interfaces.oracle import Oracle
    from alkit.interfaces.task import TaskModel
    from alkit.plugin.encoders import NamedEncoder
    from alkit.utils.progress import Progress


POOL_CACHE, TEST_CACHE = "pool.u8", "test.u8"


class Resources:
    """Source, images, device, task, strategies and oracle of one campaign.

    Args:
        directory: of the campaign.
        settings: what was decided when it was made.
        device: name of a device, or `auto`.
        progress: where long work shows how far it is.
    """

    def __init__(self, directory: Path, settings: Settings, device: str, progress: Progress) -> None:
        self.directory, self.settings, self.progress = directory, settings, progress
        self._device_name = device
        self.mapped = False  # map the images rather than load them, so that processes share their memory
        self._images: ImageStore | None = None
        self._lost: list[int] = []
        self._checked = False

    @cached_property
    def device(self) -> torch.device:
        """Where tensors live.

        Raises:
            InvalidOption: there is no such device.
        """
        from alkit.utils.devices import find_device  # noqa: PLC0415  # torch takes seconds to import

        device = find_device(self._device_name)
        if device.type == "cpu":
            keep_freed_memory()
        return device

    @cached_property
    def source(self) -> Source:
        """Where the images come from.

        Raises:
            SourceError: it no longer exists.
        """
        return self._opened(self.settings.pool, "--pool")

    def _opened(self, choice: SourceChoice, flag: str) -> Source:
        try:
            return choice.open()
        except SourceError as error:
            raise SourceError(f"{error}; {self.hint(flag)}") from error

    def hint(self, flag: str) -> str:
        """Say what to do if images have moved."""
        command = command_to_run("update", "--campaign", self.directory, flag, "NEW")
        return f"if the images have moved, run {command}"

    def missing(self) -> str | None:
        """Say that the pool, or the test set, is not where it should be; None if both are there."""
        for what, choice, flag in (
            ("pool", self.settings.pool, "--pool"),
            ("test set", self.settings.test, "--test"),
        ):
            path = None if choice is None else Path(choice.location)
            if path is not None and path.is_absolute() and _is_gone(path):
                return f"the {what} is not in {path} any more; {self.hint(flag)}"
        return None

    def follow(self, settings: Settings) -> None:
        """Take other settings: images have moved."""
        self.settings = settings
        self.open_source_again()

    def open_source_again(self) -> None:
        """Let go of the open source, which lists what was there when it was opened."""
        self.__dict__.pop("source", None)

    @property
    def _pixel_type(self) -> PixelType:
        return self.settings.pool.pixel_type

    def images(self, state: State) -> ImageStore:
        """Return the pool's images, [N, C, H, W]; see `restore_images` if the cache is gone.

        Raises:
            SourceError: the cache is gone.
        """
        from alkit.data.store import ImageStore  # noqa: PLC0415  # numpy is slow to import

        lost = state.pool.lost.tolist()
        if self._images is None or len(self._images) != len(state.records) or self._lost != lost:
            self._lost = lost
            path = self.directory / "cache" / POOL_CACHE
            shape = self.settings.image_shape
            self._images = ImageStore.open(
                path,
                shape,
                len(state.records),
                in_memory=False if self.mapped else None,
                usable=state.pool.usable,
                pixel_type=self._pixel_type,
            )
        return self._images

    def images_identity(self) -> str:
        """Return a hash of the pool's images as they were written to the cache, and of their features."""
        from alkit.data.checksums import sums_path  # noqa: PLC0415  # numpy is slow to import
        from alkit.data.features import features_path  # noqa: PLC0415  # numpy is slow to import

        cache = self.directory / "cache"
        stores = [cache / POOL_CACHE]
        if self.encoder is not None:
            stores.append(features_path(cache, "pool", self.encoder.identity, self.encoder.precision))
        digest = hashlib.sha256()
        for store in stores:
            sums = sums_path(store)  # older versions of alkit wrote none
            digest.update(sums.read_bytes() if sums.exists() else str(store.absolute()).encode())
        return digest.hexdigest()

    def plain_images(self, state: State) -> ImageStore:
        """Return the pool's images as `images` does, with what the source knows of them besides."""
        images = self.images(state)
        images.columns = self.columns(state)
        return images

    def encoded_images(self, state: State) -> ImageStore:
        """Return the pool's images as `plain_images` does, with their features if the task has an encoder."""
        images = self.plain_images(state)
        self._encode(images, "pool", state.records, self.settings.pool)
        return images

    def columns(self, state: State) -> PoolColumns:
        """Return what the source knows of the pool's images, which is read when it is asked for."""
        from alkit.data.pool_columns import PoolColumns  # noqa: PLC0415  # numpy is slow to import

        return PoolColumns(state.keys, lambda: self.source.columns())

    def _encode(
        self, images: ImageStore, name: str, records: Sequence[ImageRecord], choice: SourceChoice
    ) -> None:
        encoder = self.encoder
        if encoder is None or images.features is not None:
            return
        from alkit.data.features import ensure_features, features_path  # noqa: PLC0415  # numpy is slow to import

        images.features = ensure_features(
            features_path(self.directory / "cache", name, encoder.identity, encoder.precision),
            self.source if name == "pool" else choice.open(),
            records,
            encoder=encoder.name,
            dim=encoder.dim,
            encoder_input=encoder.input,
            open_embed=lambda: encoder.embed(self.device),
            progress=self.progress,
        )

    def feature_blocks(self, state: State) -> FeatureBlocks | None:
        """Return the blocks of the pool's features that are missing, or None."""
        encoder = self.encoder
        if encoder is None:
            return None
        from alkit.data.features import features_path, missing_features  # noqa: PLC0415  # numpy is slow to import

        path = features_path(self.directory / "cache", "pool", encoder.identity, encoder.precision)
        return missing_features(path, encoder.dim, len(state.records), self.progress)

    def encode(self, state: State, blocks: FeatureBlocks, numbers: Sequence[int]) -> None:
        """Compute some blocks of the pool's features."""
        from alkit.data.features import encode_blocks  # noqa: PLC0415  # numpy is slow to import

        encoder = self.encoder
        assert encoder is not None
        encode_blocks(
            blocks,
            numbers,
            self.source,
            state.records,
            encoder=encoder.name,
            dim=encoder.dim,
            encoder_input=encoder.input,
            open_embed=lambda: encoder.embed(self.device),
            progress=self.progress,
        )

    @cached_property
    def encoder(self) -> NamedEncoder | None:
        """The encoder of the task, or None."""
        return self.settings.task.made(registry.tasks).named_encoder()

    def images_are_there(self, state: State) -> bool:
        """Say whether the cache of the pool's images is complete."""
        from alkit.data.store import is_whole  # noqa: PLC0415  # numpy is slow to import

        path, count = self.directory / "cache" / POOL_CACHE, len(state.records)
        return is_whole(path, self.settings.image_shape, count, self._pixel_type)

    def images_are_sound(self, state: State) -> bool:
        """Say whether the cache of the pool's images is complete and undamaged."""
        return self.images_are_there(state) and self.damage(state) == []

    def damage(self, state: State) -> list[int] | None:
        """Return the indices of images whose rows in the cache are damaged, None if all are; looks once."""
        from alkit.data.checksums import ROWS  # noqa: PLC0415  # numpy is slow to import
        from alkit.data.store import damaged_blocks  # noqa: PLC0415  # numpy is slow to import

        if self._checked:
            return []
        path, count = self.directory / "cache" / POOL_CACHE, len(state.records)
        blocks = damaged_blocks(path, self.settings.image_shape, count, self._pixel_type)
        self._checked = blocks == []
        return (
            None
            if blocks is None
            else [i for b in blocks for i in range(b * ROWS, min(count, (b + 1) * ROWS))]
        )

    def restore_images(self, state: State) -> list[int]:
        """Read the originals of what is gone or damaged in the cache; return the indices of lost images."""
        self._images = None
        return self._restore(POOL_CACHE, state.records, self.settings.pool, "--pool")

    def forget_images(self) -> None:
        """Remove the cache of the pool's images; the next command reads the originals again."""
        from alkit.data.checksums import sums_path  # noqa: PLC0415  # numpy is slow to import

        self._images = None
        path = self.directory / "cache" / POOL_CACHE
        path.unlink(missing_ok=True)
        sums_path(path).unlink(missing_ok=True)

    def find_images(self, state: State, wanted: Sequence[int]) -> list[int]:
        """Read lost originals into the cache where they are again what was recorded; return their indices."""
        from alkit.data.checksums import Checksums  # noqa: PLC0415  # numpy is slow to import
        from alkit.data.preprocessing import resize  # noqa: PLC0415  # numpy is slow to import
        from alkit.data.store import row_bytes  # noqa: PLC0415  # numpy is slow to import

        shape, found = self.settings.image_shape, list[int]()
        size = row_bytes(shape, self._pixel_type)
        for index in wanted:
            record = state.records[index]
            reading = self.source.read(record.key, at_least=shape[1:])
            if reading.hash != record.hash or reading.pixels is None:
                continue
            with open(self.directory / "cache" / POOL_CACHE, "r+b") as file:
                file.seek(index * size)
                file.write(resize(reading.pixels, shape).tobytes())
                file.flush()
                os.fsync(file.fileno())
            found.append(index)
        if found:
            self._images = None
            path = self.directory / "cache" / POOL_CACHE
            if (sums := Checksums.load(path, size)) is not None:
                sums.renew(path, found)
                sums.save(path)
        return found

    def test_images(self, ledger: Ledger, state: State) -> LabeledImages | None:
        """Return the test images with their labels, under the names that classes have now; or None."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        from alkit.data.store import ImageStore  # noqa: PLC0415  # numpy is slow to import

        choice = self.settings.test
        if choice is None:
            return None
        records, texts = ledger.test_images()
        labels = [state.test_label(text) for text in texts]
        name = TEST_CACHE if state.test_set is None else Path(state.test_set.cache).name
        usable = np.array([record.unusable is None for record in records], dtype=bool)
        known = [r.index for r in records if r.unusable is None and labels[r.index] is not None]
        lost = set(self._restore(name, records, choice, "--test"))
        known = [index for index in known if index not in lost]
        path = self.directory / "cache" / name
        reader = self.labels(state)
        facts = [test_facts(record, choice.location) for record in records]
        with ledger.undamaged():
            values = [
                reader.parse(label, facts[index]) for index in known if (label := labels[index]) is not None
            ]
        values = [state.test_value(value) for value in values]
        shape, kind = self.settings.image_shape, self._pixel_type
        images = ImageStore.open(path, shape, len(records), usable=usable, pixel_type=kind)
        self._encode(images, "test", records, choice)
        return LabeledImages(
            images=images,
            indices=np.array(known, dtype=np.int64),
            values=self.fitted(reader, values, [records[index] for index in known]),
        )

    def labels(self, state: State) -> Labels:
        """Return what reads and writes labels, with the classes of a state."""
        kind = PLAIN_KINDS.get(self.settings.labels) if self.settings.plain_labels else None
        if kind is not None:  # the task, whose import takes seconds, is not needed
            return kind(classes=state.classes, slots=state.slots, folder=self.directory)
        task = self.settings.task.made(registry.tasks)
        return task.make_labels(state.classes, slots=state.slots, folder=self.directory)

    def fitted(self, labels: Labels, values: Sequence[Any], records: Sequence[ImageRecord]) -> Sequence[Any]:
        """Return the values of labels for images of the size that the task model sees."""
        _, height, width = self.settings.image_shape
        return [
            labels.resized(value, (record.width, record.height), (width, height))
            for value, record in zip(values, records, strict=True)
        ]

    def oracle(
        self, state: State, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> Oracle | None:
        """Return an oracle by name, connected to the pool; by default the campaign's own, if it has one."""
        own = self.settings.oracle
        if name is None and own is None:
            return None
        if own is not None and name in (None, own.name):
            name, options = own.name, _merged(own.options, options)
        assert name is not None
        oracle = opts.build(registry.oracles.get(name), options)
        self.source.nothing = self.labels(state).nothing
        connect(oracle, self.source, state.keys, self.settings.seed)
        for note in oracle.notes:
            self.progress.line(f"oracle '{name}': {note}")
        return oracle

    def strategy(self, name: str | None = None, options: Mapping[str, Any] | None = None) -> ResolvedStrategy:
        """Return a strategy by its text; the campaign's own is the default, and keeps its options."""
        own = self.settings.strategy
        if name is None or absolute(name) == own.name:
            name, options = own.name, _merged(own.options, options)
        return resolve(name, options)

    def task(self, state: State, settled: Mapping[str, Any] | None = None) -> TaskModel:
        """Return a new task model, built for the pool's images and the classes of a state.

        Args:
            state: of the campaign, now or when the model was trained.
            settled: options of an earlier training, in which nothing is left open to the device.
        """
        choice = self.settings.task
        plugin = registry.tasks.get(choice.name)
        known = {option.name for option in opts.options_of(plugin)}
        earlier = {name: value for name, value in (settled or {}).items() if name in known}
        task = opts.build(plugin, {**choice.options, **earlier})
        task.cache_dir = self.directory / "cache"
        task.known_labels = self.labels(state)
        build_task(task, self.settings.image_shape, state.classes, self.device)
        return task

    def _restore(
        self, name: str, records: Sequence[ImageRecord], choice: SourceChoice, flag: str
    ) -> list[int]:
        from alkit.data.preprocessing import ensure_store  # noqa: PLC0415  # numpy is slow to import
        from alkit.data.store import damaged_blocks, is_whole  # noqa: PLC0415  # numpy is slow to import

        path, shape = self.directory / "cache" / name, self.settings.image_shape
        count, kind = len(records), self._pixel_type
        if is_whole(path, shape, count, kind) and damaged_blocks(path, shape, count, kind) == []:
            return []
        path.parent.mkdir(exist_ok=True)
        return ensure_store(path, shape, self._opened(choice, flag), records, progress=self.progress)


def test_facts(record: ImageRecord, location: str) -> ImageFacts:
    """Return what the label of a test image may have to fit."""
    from alkit.interfaces.labels import ImageFacts, folders_of  # noqa: PLC0415  # a command may need none

    return ImageFacts.of(record, folders_of(location))


def _is_gone(path: Path) -> bool:
    """Say whether there is nothing; a place that may not be looked at counts as there."""
    try:
        return not path.exists()
    except OSError:
        return False


def _merged(stored: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return stored options with those given now in their place; a preset given now replaces them all."""
    now = {key.replace("_", "-"): value for key, value in (given or {}).items()}
    if len(now) < len(given or {}) or "preset" in now:
        return dict(given or {})
    return {**stored, **now}
