"""Masks: a number for every pixel, read from image files, polygons and run lengths, and written as PNG."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.data.source import MAX_BYTES
from alkit.utils.files import read_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from alkit._typing import Pixels

    Numbers = npt.NDArray[np.int64]


SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
"""Endings of files that masks can be kept in."""
LOSSY = (".jpg", ".jpeg")
"""Endings of files that change the numbers of pixels."""
FOLDER = "masks"
"""The folder of a campaign that holds masks."""
VOID = 255
"""The number of pixels that have no label, in the files that alkit writes."""
BACKGROUND = "background"
"""The class of pixels that no shape covers, if there is one of this name; else they are void."""
VOID_NAME = "void"
"""What void is called in shapes, unless a class has this name."""
PRESENT = "classes"
"""The text in a PNG that lists the numbers in it, so that they are known without decoding it."""
MOST_PIXELS = 2**28
MOST_BITS = 40  # of a run length
SLACK = 1.0  # pixels by which a polygon may leave the image


def read_mask(path: Path) -> Numbers:
    """Read the number of every pixel, [H, W]: the index of a palette, or the value of a grey image.

    Raises:
        ValueError: it cannot be read, or shows colors in place of numbers; the message leaves out the path.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # Pillow is slow to import

    try:
        content = read_regular(path, most=MAX_BYTES)
    except (OSError, ValueError) as error:
        raise ValueError(f"the mask cannot be read: {getattr(error, 'strerror', error)}") from error
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width:,} x {image.height:,} pixels")
            if image.format == "JPEG":
                raise ValueError("a JPEG changes the numbers of a mask; save it as PNG")
            pixels = np.asarray(image)
            mode = image.mode
    except UnidentifiedImageError:
        raise ValueError("the mask cannot be used: it is not an image") from None
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise ValueError(f"the mask cannot be used: {error}") from error
    if pixels.ndim == 3 and mode in ("RGB", "RGBA", "LA") and _is_grey(pixels[..., : len(mode.rstrip("A"))]):
        pixels = pixels[..., 0]
    if pixels.ndim != 2 or pixels.dtype.kind not in "bui":
        raise ValueError(
            f"the mask shows colors ({mode}); each pixel should have the number of its class: save it "
            "as a grey PNG, or as one with a palette"
        )
    return pixels.astype(np.int64)


def read_colors(content: bytes) -> Pixels:
    """Return the color of every pixel of a PNG, [H, W, 3].

    Raises:
        ValueError: it cannot be read.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width:,} x {image.height:,} pixels")
            return np.array(image.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise ValueError(f"cannot be used: {error}") from error


def _is_grey(channels: npt.NDArray[np.uint8]) -> bool:
    return bool((channels == channels[..., :1]).all())


def present_in(mask: Path | bytes) -> tuple[int, ...]:
    """Return the numbers in a mask that alkit wrote, in order, without decoding it; void is left out.

    Raises:
        OSError: the file is missing or damaged.
    """
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    with Image.open(io.BytesIO(mask) if isinstance(mask, bytes) else mask, formats=("PNG",)) as image:
        text = image.info.get(PRESENT, "")
    return tuple(int(number) for number in str(text).split())


def encode_mask(mask: Pixels) -> bytes:
    """Return a PNG with a palette, in which every class has its color and void is black."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import
    from PIL import Image, PngImagePlugin  # noqa: PLC0415  # Pillow is slow to import

    present = [number for number in np.unique(mask).tolist() if number != VOID]
    image = Image.frombytes("P", (mask.shape[1], mask.shape[0]), mask.tobytes())
    image.putpalette(palette().ravel().tolist())
    note = PngImagePlugin.PngInfo()
    note.add_text(PRESENT, " ".join(map(str, present)))
    encoded = io.BytesIO()
    image.save(encoded, "PNG", pnginfo=note)
    return encoded.getvalue()


@functools.cache
def palette() -> Pixels:
    """Return a color for each of 256 numbers, [256, 3], as PASCAL VOC does: neighbors differ clearly."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    colors = np.zeros((256, 3), dtype=np.uint8)
    for number in range(256):
        bits = number + 1
        for place in range(7, -1, -1):
            for channel in range(3):
                colors[number, channel] |= ((bits >> channel) & 1) << place
            bits >>= 3
    colors[VOID] = 0
    return colors


def fill(
    shape: tuple[int, int],
    background: int,
    parts: Iterable[tuple[int, Mapping[str, Any]]],
    *,
    factors: tuple[int, int] = (1, 1),
) -> Numbers:
    """Draw polygons and run lengths in their order, [H, W].

    Args:
        shape: (H, W).
        background: the number of pixels that no part covers.
        parts: the number of each, with `polygon` (lists x, y, x, y, ... in pixels) or `rle` (as in COCO).
        factors: by which x and y are multiplied first.

    Raises:
        ValueError: a part does not fit the image.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    mask = np.full(shape, background, dtype=np.int64)
    for number, part in parts:
        if "rle" in part:
            covered = decode_rle(part["rle"], shape)
        else:
            covered = _polygons(part["polygon"], shape, factors)
        mask[covered] = number
    return mask


def _polygons(polygons: Any, shape: tuple[int, int], factors: tuple[int, int]) -> npt.NDArray[np.bool_]:
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    from .polygons import cover, points_of  # noqa: PLC0415  # numpy is slow to import

    if not isinstance(polygons, list):
        raise ValueError("polygons should be lists x, y, x, y, ...")
    height, width = shape
    canvas = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        points = points_of(polygon) * np.array(factors)
        outside = (points < -SLACK).any(axis=1) | (points > np.array([width, height]) + SLACK).any(axis=1)
        if outside.any():
            x, y = points[outside][0]
            raise ValueError(
                f"a polygon has the point ({x:g}, {y:g}) outside the image of {width} x {height}"
            )
        cover(points, canvas)
    return canvas


def encode_rle(covered: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return COCO's run lengths of a mask [H, W], as a list."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    flat = np.concatenate([[False], covered.ravel(order="F"), [not covered.T.flat[-1]]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    return {"size": list(covered.shape), "counts": np.diff(ends, prepend=0).tolist()}


def decode_rle(rle: Any, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Decode COCO's run lengths, a list or its compressed string, column by column.

    Raises:
        ValueError: they are for an image of another size, or do not add up.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    if not isinstance(rle, Mapping) or not isinstance(rle.get("size"), list):
        raise ValueError("run lengths should have size and counts")
    if rle["size"] != list(shape):
        found = " x ".join(str(side) for side in reversed(rle["size"]))
        raise ValueError(f"run lengths are for {found} pixels, but the image is {shape[1]} x {shape[0]}")
    counts = rle.get("counts")
    runs = _uncompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or any(not isinstance(run, int) or run < 0 for run in runs):
        raise ValueError("the counts of run lengths should be numbers of pixels")
    if sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"run lengths cover {sum(runs):,} of {shape[0] * shape[1]:,} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def _uncompressed(text: str) -> Sequence[int]:
    """Decode the string of pycocotools: five bits a character, differences to the run before the last."""
    runs: list[int] = []
    at = 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            if at >= len(text):
                raise ValueError("the counts of run lengths end in the middle of a number")
            if shift > MOST_BITS:
                raise ValueError("a count of run lengths is too large for an image")
            bits = ord(text[at]) - 48
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            at, shift = at + 1, shift + 5
            if not more and bits & 0x10:
                value |= -1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
    return runs
