"""Frozen-backbone mode: every image is embedded once, and only a linear classifier is trained."""

from __future__ import annotations

import hashlib
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from alkit import seeding
from alkit.task import Output, Tap

from .taps import Listener

if TYPE_CHECKING:
    from alkit.batches import Batch
    from alkit.images import ImageStore

BLOCK = 256
SAMPLE = 64


class FrozenBackbone:
    """A backbone that never changes, its embeddings by image store, and the head trained on them.

    Args:
        backbone: the whole network, on its device.
        listener: takes the embedding out of it.
        dim: width of the embedding.
        num_outputs: classes.
        device: where the head is trained.
        cache_dir: where embeddings are kept between processes, or None.
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
        self.backbone = backbone.eval().requires_grad_(False)
        self.taps = (Tap("embedding", dim, (1, 1)),)
        self._listener, self._device, self._cache_dir = listener, device, cache_dir
        self._dim, self._num_outputs = dim, num_outputs
        self._known: weakref.WeakKeyDictionary[ImageStore, Tensor] = weakref.WeakKeyDictionary()

    def new_head(self, seed: int) -> nn.Module:
        """Draw a linear classifier; standardizing first makes one learning rate fit every backbone."""
        with seeding.fence(seed):
            linear = nn.Linear(self._dim, self._num_outputs)
        return nn.Sequential(nn.BatchNorm1d(self._dim, affine=False), linear).to(self._device)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings [B, D] float32 of images as the backbone takes them."""
        with torch.no_grad():
            self.backbone(images)
        return self._listener.take()[1].float()

    def cached(self, batch: Batch) -> Tensor:
        """Return embeddings [B, D] of a batch of stored images, computed once a store."""
        store = batch.loader.store
        if store not in self._known:
            self._known[store] = self._embed_store(batch)
        return self._known[store][torch.from_numpy(batch.indices)].to(self._device)

    def _embed_store(self, batch: Batch) -> Tensor:
        path = None
        if self._cache_dir is not None:
            path = self._cache_dir / f"embeddings-{self._fingerprint(batch.loader.store)}.npy"
            if path.exists():
                return torch.from_numpy(np.load(path, allow_pickle=False))
        indices = np.arange(len(batch.loader.store), dtype=np.int64)
        blocks = [self.embed(part.images).cpu() for part in batch.loader.sequential(indices, BLOCK)]
        embeddings = torch.cat(blocks)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp.npy")
            np.save(temporary, embeddings.numpy())
            temporary.replace(path)
        return embeddings

    def _fingerprint(self, store: ImageStore) -> str:
        """Tell backbones and stores apart by all weights and some evenly spaced images."""
        digest = hashlib.sha256(repr((len(store), store.shape)).encode())
        for name, tensor in self.backbone.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        some = np.unique(np.linspace(0, len(store) - 1, SAMPLE).astype(np.int64))
        digest.update(store.take(some).contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]
