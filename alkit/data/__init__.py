"""From files to batches: sources of images, the store of their pixels, the loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.data.archives import read_array as read_array
    from alkit.data.encoder_input import EncoderInput as EncoderInput
    from alkit.data.loader import Batch as Batch
    from alkit.data.loader import Loader as Loader
    from alkit.data.loader import moved as moved
    from alkit.data.loader import random_moves as random_moves
    from alkit.data.pixel_types import as_picture as as_picture
    from alkit.data.pixel_types import convert as convert
    from alkit.data.preprocessing import ImageRecord as ImageRecord
    from alkit.data.preprocessing import unread_records as unread_records
    from alkit.data.source import DecodedImage as DecodedImage
    from alkit.data.source import Source as Source
    from alkit.data.sources.arrays import ArrayFile as ArrayFile
    from alkit.data.sources.arrays import ArraySource as ArraySource
    from alkit.data.sources.composed_digits import DigitAngles as DigitAngles
    from alkit.data.sources.composed_digits import DigitSets as DigitSets
    from alkit.data.sources.digit_boxes import DigitBoxes as DigitBoxes
    from alkit.data.sources.digits import Digits as Digits
    from alkit.data.sources.files import FileSource as FileSource
    from alkit.data.sources.files import decode as decode
    from alkit.data.sources.files import stored_values_of as stored_values_of
    from alkit.data.sources.folder import Folder as Folder
    from alkit.data.sources.layout import Layout as Layout
    from alkit.data.sources.layout import read_layout as read_layout
    from alkit.data.sources.manifest import Manifest as Manifest
    from alkit.data.sources.objects import IMAGE_SUFFIXES as IMAGE_SUFFIXES
    from alkit.data.sources.objects import ObjectSource as ObjectSource
    from alkit.data.sources.objects import default_root as default_root
    from alkit.data.sources.vectors import Vectors as Vectors
    from alkit.data.sources.vectors import holds_vectors as holds_vectors
    from alkit.data.sources.vision import Vision as Vision
    from alkit.data.store import ImageStore as ImageStore
    from alkit.data.targets import Targets as Targets
    from alkit.data.targets import map_tensors as map_tensors
    from alkit.plugin.sources import open_source as open_source

_HOMES = {
    "alkit.data.archives": ("read_array",),
    "alkit.data.encoder_input": ("EncoderInput",),
    "alkit.data.loader": (
        "Batch",
        "Loader",
        "moved",
        "random_moves",
    ),
    "alkit.data.pixel_types": ("as_picture", "convert"),
    "alkit.data.preprocessing": ("ImageRecord", "unread_records"),
    "alkit.data.source": (
        "DecodedImage",
        "Source",
    ),
    "alkit.data.sources.arrays": ("ArrayFile", "ArraySource"),
    "alkit.data.sources.composed_digits": ("DigitAngles", "DigitSets"),
    "alkit.data.sources.digit_boxes": ("DigitBoxes",),
    "alkit.data.sources.digits": ("Digits",),
    "alkit.data.sources.files": ("FileSource", "decode", "stored_values_of"),
    "alkit.data.sources.folder": ("Folder",),
    "alkit.data.sources.layout": ("Layout", "read_layout"),
    "alkit.data.sources.manifest": ("Manifest",),
    "alkit.data.sources.objects": ("IMAGE_SUFFIXES", "ObjectSource", "default_root"),
    "alkit.data.sources.vectors": ("Vectors", "holds_vectors"),
    "alkit.data.sources.vision": ("Vision",),
    "alkit.plugin.sources": ("open_source",),
    "alkit.data.store": ("ImageStore",),
    "alkit.data.targets": ("Targets", "map_tensors"),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
