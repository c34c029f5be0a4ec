"""The range of a pool's values that becomes black and white, where it is not that of their type."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alkit.utils.counts import counted

from .image_list import listed
from .pixel_types import PixelType
from .preprocessing import SAMPLED, spaced
from .store import ImageStore

if TYPE_CHECKING:
    from .preprocessing import ImageRecord
    from .source import Source

BITS = (8, 10, 12, 14)
WIDEST = 65535


@dataclass(frozen=True, slots=True)
class ValueRange:
    """What was found in a sample of the images that are not 8-bit.

    Attributes:
        kind: the type of the values.
        low: their minimum.
        high: their maximum.
        images: how many were looked at.
        chosen: what becomes black and white, or None: what their type says.
    """

    kind: str
    low: float
    high: float
    images: int
    chosen: tuple[float, float] | None

    @property
    def sentence(self) -> str:
        """What was found and chosen, for a person."""
        found = (
            f"values of type {self.kind} from {self.low:,.6g} to {self.high:,.6g} in "
            f"{counted(self.images, 'image')}"
        )
        if self.chosen is None:
            return f"{found}, scaled by the range of their type"
        black, white = self.chosen
        return (
            f"{found}: {black:,.6g} becomes black and {white:,.6g} white; choose other values with "
            "--value-range"
        )


def find_value_range(source: Source, keys: Sequence[str]) -> ValueRange | None:
    """Look at up to 64 images, evenly spaced; None if they are all 8-bit.

    Integers get the number of bits that holds them (8, 10, 12, 14 or 16), and so does floating point beyond
    [0, 1]. Other values, such as negative ones, are scaled from minimum to maximum.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about metadata, which is not used
        found = [values for key in spaced(keys, SAMPLED) if (values := source.stored_values(key))]
    if not found:
        return None
    low, high = min(values[1] for values in found), max(values[2] for values in found)
    kinds = sorted({values[0] for values in found})
    return ValueRange(" and ".join(kinds), low, high, len(found), _chosen(kinds, low, high))


def pixel_type_of(found: ValueRange | None) -> PixelType:
    """Return the type that keeps all bits of the values of a pool; uint8 if they are all 8-bit."""
    if found is None:
        return "uint8"
    whole = not any(kind.startswith("float") for kind in found.kind.split(" and "))
    return "uint16" if whole and found.low >= 0 and found.high <= WIDEST else "float32"


def brightest_value(
    store: Path, shape: tuple[int, int, int], records: Sequence[ImageRecord], source: Source
) -> int:
    """Return the highest value that people see in up to 64 usable images in a raw file, evenly spaced."""
    usable = np.ones(len(records), dtype=np.bool_)
    usable[[row.index for row in listed(records).set_aside if row.unusable is not None]] = False
    places = np.flatnonzero(usable)
    kind = source.pixel_type
    rows = ImageStore.open(store, shape, len(records), in_memory=False, pixel_type=kind)
    sampled = np.array(
        [places[at * len(places) // SAMPLED] for at in range(SAMPLED if len(places) else 0)], np.int64
    )
    if kind != "uint8":
        seen = [rows.picture(index, source.value_range).max() for index in sampled.tolist()]
        return int(max(seen, default=0))
    return int(rows.take(sampled).max()) if len(sampled) else 0


def _chosen(kinds: Sequence[str], low: float, high: float) -> tuple[float, float] | None:
    floating = any(kind.startswith("float") for kind in kinds)
    if floating and low >= -1e-6 and high <= 1 + 1e-6:
        return None
    if low < 0 or high > WIDEST:
        return (low, high) if high > low else None
    bits = next((bits for bits in BITS if high <= 2**bits - 1), None)
    if bits is not None:
        return 0.0, float(2**bits - 1)
    return (0.0, float(WIDEST)) if floating else None
