"""What a campaign works with, made from its settings when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options as opts
from . import plugins

if TYPE_CHECKING:
    import torch

    from .images import ImageRecord
    from .learning import LabeledImages
    from .ledger import Ledger
    from .oracle import Oracle
    from .progress import Progress
    from .settings import Settings, SourceChoice
    from .sources import Source
    from .state import State
    from .store import ImageStore
    from .strategy import Strategy
    from .task import TaskModel

POOL_CACHE, TEST_CACHE = "pool.u8", "test.u8"


class Workbench:
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
        self._images: ImageStore | None = None

    @cached_property
    def device(self) -> torch.device:
        """Where tensors live.

        Raises:
            InvalidOption: no such device is there.
        """
        from .devices import find_device
        from .memory import keep_freed_memory

        device = find_device(self._device_name)
        if device.type == "cpu":
            keep_freed_memory()
        return device

    @cached_property
    def source(self) -> Source:
        """Where the images come from.

        Raises:
            SourceError: it is not there any more.
        """
        return self.settings.pool.open()

    def open_source_again(self) -> None:
        """Let go of the open source, which lists what was there when it was opened."""
        self.__dict__.pop("source", None)

    def images(self, state: State) -> ImageStore:
        """Return the pool's images, [N, C, H, W] uint8; see `restore_images` if the cache is gone.

        Raises:
            SourceError: the cache is gone.
        """
        from .store import ImageStore

        if self._images is None or len(self._images) != len(state.records):
            path = self.directory / "cache" / POOL_CACHE
            shape = self.settings.image_shape
            self._images = ImageStore.open(path, shape, len(state.records), usable=state.pool.usable)
        return self._images

    def restore_images(self, state: State) -> list[int]:
        """Read the originals again if the cache is gone; return the indices of images that are lost."""
        return self._restore(POOL_CACHE, state.records, self.settings.pool)

    def test_images(self, ledger: Ledger) -> LabeledImages | None:
        """Return the test images with their labels, or None."""
        import numpy as np

        from .learning import LabeledImages
        from .store import ImageStore

        choice = self.settings.test
        if choice is None:
            return None
        records, labels = ledger.test_images()
        usable = np.array([record.unusable is None for record in records], dtype=bool)
        known = [r.index for r in records if r.unusable is None and labels[r.index] is not None]
        lost = set(self._restore(TEST_CACHE, records, choice))
        known = [index for index in known if index not in lost]
        path = self.directory / "cache" / TEST_CACHE
        return LabeledImages(
            images=ImageStore.open(path, self.settings.image_shape, len(records), usable=usable),
            indices=np.array(known, dtype=np.int64),
            values=[labels[index] for index in known],
        )

    def oracle(
        self, state: State, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> Oracle | None:
        """Return an oracle by name, connected to the pool; by default the campaign's own, if it has one."""
        own = self.settings.oracle
        if name is None and own is None:
            return None
        if own is not None and name in (None, own.name):
            name, options = own.name, {**own.options, **(options or {})}
        assert name is not None
        oracle = opts.build(plugins.oracles.get(name), options)
        oracle.connect(self.source, state.keys, self.settings.seed)
        return oracle

    def strategy(self, name: str | None = None, options: Mapping[str, Any] | None = None) -> Strategy:
        """Return a strategy by name with options; the campaign's own by default."""
        if name is None:
            name = self.settings.strategy.name
            options = {**self.settings.strategy.options, **(options or {})}
        return opts.build(plugins.strategies.get(name), options)

    def task(self, classes: Sequence[str]) -> TaskModel:
        """Return a new task model, built for the pool's images and the classes so far."""
        choice = self.settings.task
        task = opts.build(plugins.tasks.get(choice.name), choice.options)
        if hasattr(task, "cache_dir"):
            task.cache_dir = self.directory / "cache"
        task.build(self.settings.image_shape, classes, self.device)
        return task

    def _restore(self, name: str, records: Sequence[ImageRecord], choice: SourceChoice) -> list[int]:
        from .images import ensure_store
        from .store import is_whole

        path, shape = self.directory / "cache" / name, self.settings.image_shape
        if is_whole(path, shape, len(records)):
            return []
        path.parent.mkdir(exist_ok=True)
        return ensure_store(path, shape, choice.open(), records, progress=self.progress)
