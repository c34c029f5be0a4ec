"""Images in arrays: in memory, in an .npy file, or in an .npz file with their labels."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.pixel_types import MOST_CHANNELS, convert, extremes
from alkit.data.positions import Positions
from alkit.data.source import DecodedImage, Source
from alkit.data.store import available_memory
from alkit.errors import SourceError, UnusableImage
from alkit.utils.counts import counted

if TYPE_CHECKING:
    import numpy.typing as npt


MOST_IMAGES = 100_000_000
DTYPES = "integers of up to 32 bits, bool, or floating point"
INTEGERS = (np.uint8, np.uint16, np.int16, np.uint32, np.int32)


class ArraySource(Source):
    """Images of an array, keyed by position.

    Args:
        location: opens the source again.
        images: [N, H, W], [N, H, W, C] or [N, C, H, W]; C is the axis of 1 or 3, otherwise the shorter one
            (if both fit: [N, H, W, C]).
        labels: class names of all images, or None.
        classes: every class name, in the data set's order.
        prefix: text before the position in a key, such as `train/`.

    Raises:
        SourceError: the shape or the type is not supported, or the array is empty.
    """

    def __init__(
        self,
        location: str,
        images: npt.NDArray[Any],
        labels: Sequence[str] | None = None,
        classes: Sequence[str] = (),
        prefix: str = "",
    ) -> None:
        self.location, self.classes = location, tuple(classes)
        self._images = _channels_last(images, location)
        self._prefix, self._keys = prefix, Positions(len(images), prefix)
        if labels is not None and len(labels) != len(images):
            raise SourceError(
                f"'{location}' holds {counted(len(images), 'image')} but {counted(len(labels), 'label')}"
            )
        self._labels = labels

    def keys(self) -> Sequence[str]:
        """Return positions, with as many digits as the last one needs."""
        return self._keys

    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Return one image; the hash is that of its type, shape and values as stored."""
        position = self._position(key)
        if position is None:
            return DecodedImage("", unusable="there is no such position in the array")
        stored = np.ascontiguousarray(self._images[position])
        digest = hashlib.sha256(f"{stored.dtype.str}{stored.shape}".encode())
        digest.update(stored.data)
        height, width, _ = stored.shape
        try:
            pixels = convert(stored, self.pixel_type, self.value_range)
        except UnusableImage as error:
            return DecodedImage(digest.hexdigest(), width, height, unusable=str(error))
        return DecodedImage(digest.hexdigest(), width, height, pixels)

    def stored_values(self, key: str) -> tuple[str, float, float] | None:
        """Return type, minimum and maximum of the values."""
        position = self._position(key)
        return None if position is None else extremes(np.asarray(self._images[position]))

    def _position(self, key: str) -> int | None:
        """Return the position that a key is; one with fewer digits is from when there were fewer images."""
        text = key.removeprefix(self._prefix)
        return int(text) if text.isdecimal() and int(text) < len(self._images) else None

    def answers(self) -> dict[str, str]:
        """Return the labels, if there are any."""
        return {} if self._labels is None else dict(zip(self.keys(), self._labels, strict=True))


def _channels_last(images: npt.NDArray[Any], location: str) -> npt.NDArray[Any]:
    dtype = images.dtype
    if dtype.kind not in "bf" and dtype not in INTEGERS:
        raise SourceError(f"'{location}' holds values of type {dtype}; convert them to {DTYPES}")
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and _is_channels_first(images.shape[1:]):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[3] > MOST_CHANNELS:
        raise SourceError(
            f"'{location}' holds an array of shape {images.shape}; make it [N, H, W], [N, H, W, C] or "
            f"[N, C, H, W] with at most {MOST_CHANNELS:,} channels"
        )
    if images.size == 0:
        raise SourceError(f"'{location}' holds an array of shape {images.shape}, which has no images")
    return images


def _is_channels_first(shape: tuple[int, ...]) -> bool:
    """Say whether the first of three axes is that of the channels, and not the last."""
    if 1 in (shape[0], shape[2]) or 3 in (shape[0], shape[2]):
        return shape[2] not in (1, 3)
    return shape[0] < shape[2]


class ArrayFile(ArraySource):
    """An .npy file of images (memory-mapped), or an .npz file.

    An .npz file holds array `images` or `x` (or only one array), and the labels in `labels` or `y`: class
    names, or integers, which sort as numbers. Pickled objects are never loaded.

    Raises:
        SourceError: the file cannot be read, or holds other arrays.
    """

    def __init__(self, file: Path) -> None:
        try:
            if file.suffix.lower() == ".npy":
                images, labels = np.load(file, mmap_mode="r", allow_pickle=False), None
            else:
                images, labels = _from_npz(file)
        except SourceError:
            raise
        except Exception as error:  # a damaged header may raise almost anything
            raise SourceError(f"'{file}' cannot be read as arrays: {error}") from error
        if images.ndim and len(images) > MOST_IMAGES:
            raise SourceError(
                f"'{file}' holds {counted(len(images), 'image')}, over the limit of {MOST_IMAGES:,}"
            )
        names, classes = (None, ()) if labels is None else _names(labels, file)
        super().__init__(str(file), images, names, classes)


def _from_npz(file: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    # Opened here, because numpy leaves a file open if it is not an archive.
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        names = list(arrays)
        labels = next((name for name in ("labels", "y") if name in names), None)
        others = [name for name in names if name != labels]
        images = next((name for name in ("images", "x") if name in names), None)
        if images is None and len(others) == 1:
            images = others[0]
        if images is None:
            raise SourceError(
                f"'{file}' holds the arrays {', '.join(names) or '(none)'}; "
                "name the images 'images' or 'x' and the labels 'labels' or 'y'"
            )
        _check_declared(file, [name for name in (images, labels) if name is not None])
        return arrays[images], None if labels is None else arrays[labels]


def _check_declared(file: Path, names: Sequence[str]) -> None:
    """Refuse arrays that would not fit into memory: a small archive may declare any size.

    Raises:
        SourceError: they are larger than half of the memory that is free.
    """
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    declared = sum(members.get(name, 0) for name in names)
    if declared > (free := available_memory()) // 2:
        raise SourceError(
            f"'{file}' declares arrays of {declared / 2**30:,.1f} GB, and {free / 2**30:,.1f} GB of memory "
            "are free; save the images as an .npy file, which stays on the disk"
        )


def _names(labels: npt.NDArray[Any], file: Path) -> tuple[list[str], tuple[str, ...]]:
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise SourceError(
            f"the labels in '{file}' are {labels.dtype} of shape {labels.shape}; "
            "make them [N], integers or text"
        )
    return [str(label) for label in labels.tolist()], tuple(str(name) for name in np.unique(labels).tolist())
