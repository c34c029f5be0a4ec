"""The frozen backbone: every image is embedded once, and only a linear classifier is trained."""

from __future__ import annotations

import contextlib
import hashlib
import os
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from alkit import Tap, seeding
from alkit.data import read_array

from .taps import Listener

if TYPE_CHECKING:
    from alkit import Batch, ImageStore
    from alkit.data import Loader


BLOCK = 256
SAMPLE = 64


class CachedRows(ABC):
    """A network that never changes, and what it makes of each image of a store: one row, computed once.

    Args:
        backbone: the whole network, on its device.
        dim: numbers in a row.
        device: where rows go.
        cache_dir: folder that keeps rows for other processes, or None.
    """

    def __init__(self, backbone: nn.Module, dim: int, device: torch.device, cache_dir: Path | None) -> None:
        self.backbone = backbone.eval().requires_grad_(False)
        self._dim, self._device, self._cache_dir = dim, device, cache_dir
        self._known: weakref.WeakKeyDictionary[ImageStore, Tensor] = weakref.WeakKeyDictionary()

    @abstractmethod
    def embed(self, images: Tensor) -> Tensor:
        """Return rows [B, D] float32 of images in the form that the backbone takes."""

    def cached(self, batch: Batch) -> Tensor:
        """Return rows [B, D] of a batch of stored images, computed once per store."""
        store = batch.loader.store
        if store not in self._known:
            self._known[store] = self._embed_store(batch.loader)
        return self._known[store][torch.from_numpy(batch.indices)].to(self._device)

    def _embed_store(self, loader: Loader) -> Tensor:
        count = len(loader.store)
        path = None
        if self._cache_dir is not None:
            path = self._cache_dir / f"embeddings-{self._fingerprint(loader)}.npz"
            if (kept := _read(path, (count, self._dim))) is not None:
                return kept
        # Not in inference mode, even while scoring: later trainings use these tensors.
        with torch.inference_mode(False):
            embeddings = torch.empty(count, self._dim)
            for batch in loader.sequential(np.arange(count, dtype=np.int64), BLOCK):
                embeddings[batch.indices[0] : batch.indices[-1] + 1] = self.embed(batch.images).cpu()
        if path is not None:
            _write(path, embeddings)
        return embeddings

    def _fingerprint(self, loader: Loader) -> str:
        """Identify backbone and store by all weights and some evenly spaced preprocessed images."""
        store = loader.store
        digest = hashlib.sha256(repr((len(store), store.shape)).encode())
        for name, tensor in self.backbone.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        some = np.unique(np.linspace(0, len(store) - 1, SAMPLE).astype(np.int64))
        digest.update(loader.load(some, None).cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


class FrozenBackbone(CachedRows):
    """A backbone that never changes, its embeddings by image store, and the head trained on them.

    Args:
        backbone: the whole network, on its device.
        listener: takes the embedding out of the network.
        dim: width of the embedding.
        num_outputs: number of classes.
        device: device to train the head on.
        cache_dir: folder that keeps embeddings for other processes, or None.
    """

    def __init__(
        self,
        backbone: nn.Module,
        listener: Listener,
        dim: int,
        num_outputs: int,
        device: torch.device,
        cache_dir: Path | None,
    ) -> None:
        super().__init__(backbone, dim, device, cache_dir)
        self.taps = (Tap("embedding", dim, (1, 1)),)
        self._listener, self._num_outputs = listener, num_outputs

    def new_head(self, seed: int) -> nn.Module:
        """Draw a linear classifier; it standardizes first, so that one learning rate fits every backbone."""
        with seeding.fence(seed):
            linear = nn.Linear(self._dim, self._num_outputs)
        return nn.Sequential(nn.BatchNorm1d(self._dim, affine=False), linear).to(self._device)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings [B, D] float32 of images in the form that the backbone takes."""
        with torch.no_grad():
            self.backbone(images)
        return self._listener.take()[1].float()


def _read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """Read embeddings; None if they are missing, damaged or of another shape."""
    embeddings = read_array(path, "embeddings")
    return None if embeddings is None or embeddings.shape != shape else torch.from_numpy(embeddings)


def _write(path: Path, embeddings: Tensor) -> None:
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            np.savez(file, embeddings=embeddings.numpy())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:  # without a cache the run is slower, but does not fail
        with contextlib.suppress(OSError):
            temporary.unlink()
