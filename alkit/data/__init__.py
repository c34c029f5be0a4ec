"""From files to batches: sources of images, the store of their pixels, the loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.data.encoder_input import EncoderInput as EncoderInput
    from alkit.data.loader import Batch as Batch
    from alkit.data.loader import Loader as Loader
    from alkit.data.loader import moved as moved
    from alkit.data.loader import random_moves as random_moves
    from alkit.data.preprocessing import ImageRecord as ImageRecord
    from alkit.data.preprocessing import unread_records as unread_records
    from alkit.data.source import DecodedImage as DecodedImage
    from alkit.data.source import Source as Source
    from alkit.data.sources import open_source as open_source
    from alkit.data.store import ImageStore as ImageStore
    from alkit.data.targets import Targets as Targets
    from alkit.data.targets import map_tensors as map_tensors

_HOMES = {
    "alkit.data.encoder_input": ("EncoderInput",),
    "alkit.data.loader": (
        "Batch",
        "Loader",
        "moved",
        "random_moves",
    ),
    "alkit.data.preprocessing": ("ImageRecord", "unread_records"),
    "alkit.data.source": (
        "DecodedImage",
        "Source",
    ),
    "alkit.data.sources": ("open_source",),
    "alkit.data.store": ("ImageStore",),
    "alkit.data.targets": ("Targets", "map_tensors"),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
