"""Rows in arrays of numpy: an .npy file in the order of the pool, an .npz file with names."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.store import available_memory
from alkit.errors import InvalidRows

from .named_rows import KINDS, NamedRows, checked

if TYPE_CHECKING:
    import numpy.typing as npt

    from .named_rows import Kind

NAMES = (
    *("images", "image", "keys", "key", "paths", "path", "files", "file", "filenames", "file_names"),
    *("names", "name", "ids"),
)
CLASSES = ("classes", "class_names", "classes_")


def read_arrays(path: Path, kind: Kind) -> NamedRows:
    """Read an .npy file (mapped), or an .npz file.

    An .npz file holds the rows in an array called like their kind (or in the only array of numbers with two
    dimensions), the names of images in `images` or `paths`, and those of classes in `classes`.

    Raises:
        InvalidRows: the file cannot be read, or holds other arrays.
    """
    try:
        _check_kind(path)
        if path.suffix.lower() == ".npy":
            values = np.load(path, mmap_mode="r", allow_pickle=False)
            return checked(NamedRows(place=str(path), values=values), kind)
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return checked(_from_npz(path, kind, arrays), kind)
    except InvalidRows:
        raise
    except Exception as error:  # a damaged header may raise almost anything
        reason = "it holds Python objects, which are never loaded" if _is_pickle(error) else error
        raise InvalidRows(f"'{path}' cannot be read as arrays: {reason}") from error


def _check_kind(path: Path) -> None:
    """Refuse a file that only its name calls an array; numpy would take it for a pickle."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(6)
    if suffix == ".npy" and start != b"\x93NUMPY":
        raise InvalidRows(
            f"'{path}' cannot be read as arrays: only its name says .npy; write it with numpy.save"
        )
    if suffix == ".npz" and not zipfile.is_zipfile(path):
        raise InvalidRows(
            f"'{path}' cannot be read as arrays: only its name says .npz; write it with numpy.savez"
        )


def _from_npz(path: Path, kind: Kind, arrays: Any) -> NamedRows:
    there = list(arrays)
    _check_size(path)
    named = _first(NAMES, there)
    classes = _first(CLASSES, there) if kind == "predictions" else None
    rows = _first(KINDS[kind], there)
    if rows is None:
        others = {name for names in KINDS.values() for name in names}
        plain = [name for name in there if name not in (named, *CLASSES, *others) and arrays[name].ndim >= 2]
        rows = plain[0] if len(plain) == 1 else None
    if rows is None:
        raise InvalidRows(
            f"'{path}' holds the arrays {', '.join(there) or '(none)'}; call the {kind} '{KINDS[kind][0]}'"
            " and the names of the images 'images'"
        )
    return NamedRows(
        place=str(path),
        values=arrays[rows],
        names=None if named is None else _texts(arrays[named], path, named),
        columns=None if classes is None else _texts(arrays[classes], path, classes),
    )


def _first(wanted: Sequence[str], there: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in there), None)


def _texts(values: npt.NDArray[Any], path: Path, name: str) -> list[str]:
    if values.ndim != 1 or values.dtype.kind not in "USiub":
        raise InvalidRows(
            f"the array '{name}' in '{path}' is {values.dtype} of shape {list(values.shape)}; "
            "make it [N], text"
        )
    return [text.decode() if isinstance(text, bytes) else str(text) for text in values.tolist()]


def _check_size(path: Path) -> None:
    """Refuse arrays that would not fit into memory: a small archive may declare any size."""
    with zipfile.ZipFile(path) as archive:
        declared = sum(info.file_size for info in archive.infolist())
    if declared > (free := available_memory()) // 2:
        raise InvalidRows(
            f"'{path}' declares arrays of {declared / 2**30:,.1f} GB, and {free / 2**30:,.1f} GB of memory "
            "are free; save the rows as an .npy file, which stays on the disk"
        )


def _is_pickle(error: Exception) -> bool:
    return "pickle" in str(error) or "Python objects" in str(error)
