"""Label Studio's brush: run lengths of the bits of an RGBA picture, whose alpha says what is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Covered = npt.NDArray[np.bool_]
    Bits = npt.NDArray[np.uint8]

CHANNELS = 4
WORD = 8
SIZES = (3, 4, 8, 16)  # bits of a run's length, of which each run has one
OPAQUE = 128  # from this alpha on, a pixel is covered; borders may be smoothed


def encode_brush(covered: Covered) -> list[int]:
    """Return the bytes of a mask [H, W], as Label Studio's own converter writes them."""
    flat = covered.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat))
    bits = [f"{flat.size * CHANNELS:032b}{WORD - 1:05b}", *(f"{size - 1:04b}" for size in SIZES)]
    for end, length in zip(ends.tolist(), np.diff(ends, prepend=0).tolist(), strict=True):
        value = f"{255 if flat[end - 1] else 0:08b}"
        left = length * CHANNELS
        while left:
            run = min(left, 2 ** SIZES[-1])
            place = next(number for number, size in enumerate(SIZES) if run <= 2**size)
            bits.append(f"1{place:02b}{run - 1:0{SIZES[place]}b}{value}")
            left -= run
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]


def decode_brush(rle: Any, size: tuple[int, int]) -> Covered:
    """Return the mask [H, W] of bytes that Label Studio wrote.

    Args:
        rle: a list of bytes.
        size: (H, W) of the image.

    Raises:
        ValueError: it is not such a list, or one for an image of another size.
    """
    if not isinstance(rle, list) or not all(isinstance(byte, int) and 0 <= byte < 256 for byte in rle):
        raise ValueError("the run lengths of a brush should be a list of bytes")
    bits = np.unpackbits(np.array(rle, dtype=np.uint8))
    count, word = _number(bits[:32]), _number(bits[32:37]) + 1
    if count != size[0] * size[1] * CHANNELS:
        raise ValueError(
            f"the run lengths of a brush are for {count // CHANNELS:,} pixels, but the image has "
            f"{size[0] * size[1]:,}"
        )
    values = np.zeros(count, dtype=np.int64)
    _fill(values, bits, word, [_number(bits[at : at + 4]) + 1 for at in range(37, 53, 4)])
    return values.reshape(*size, CHANNELS)[..., CHANNELS - 1] >= OPAQUE


def _fill(values: npt.NDArray[np.int64], bits: Bits, word: int, sizes: Sequence[int]) -> None:
    """Write runs of equal values, and values one by one, as the bits say."""
    weights = 1 << np.arange(word)[::-1]
    at, done = 53, 0
    while done < len(values):
        if at + 3 > len(bits):
            raise ValueError("the run lengths of a brush end too early")
        size = sizes[_number(bits[at + 1 : at + 3])]
        end = done + 1 + _number(bits[at + 3 : at + 3 + size])
        words = 1 if bits[at] else end - done
        at += 3 + size
        given = bits[at : at + word * words]
        if len(given) < word * words or end > len(values):
            raise ValueError("the run lengths of a brush end too early, or cover more than the image")
        values[done:end] = given.reshape(words, word) @ weights
        at, done = at + word * words, end


def _number(bits: Bits) -> int:
    number = 0
    for bit in bits.tolist():
        number = number << 1 | bit
    return number
