"""Where images come from: a folder, a CSV manifest, arrays, vectors, a torchvision data set, or digits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import SourceError
from alkit.utils.files import check_regular

if TYPE_CHECKING:
    from alkit.data.source import Source


MOST_BYTES = 2**30  # of a manifest
DIGITS = "digits"
VECTORS = "vectors:"
VISION = ("cifar10", "cifar100", "fashion-mnist", "mnist", "svhn")


def open_source(location: str, *, root: str | None = None, download: bool = False) -> Source:
    """Open a pool of images.

    Args:
        location: a folder, a `.csv` manifest, an `.npy` or `.npz` file of images or of vectors,
            `vectors:FILE` for vectors in any file that `alkit query --embeddings` takes, or the name of a
            data set (`digits`, `cifar10`, `cifar100`, `fashion-mnist`, `mnist`, `svhn`; with `/test` for its
            test images). A data set's name wins over a folder of that name, which is then `./NAME`.
        root: where a torchvision data set lies, or is downloaded to.
        download: allow torchvision to download what is missing; nothing else uses the network.

    Raises:
        SourceError: there is no such source, it holds no images, or it cannot be read.
    """
    name, _, split = location.partition("/")
    if name in (DIGITS, *VISION) and split in ("", "test"):
        if name == DIGITS:
            from .digits import Digits  # noqa: PLC0415  # Pillow is slow to import

            return Digits(test=split == "test")
        from .vision import Vision  # noqa: PLC0415  # Pillow is slow to import

        return Vision(name, root=root, download=download, test=split == "test")
    if location.startswith(VECTORS):
        from .vectors import Vectors  # noqa: PLC0415  # numpy is slow to import

        return Vectors(Path(location.removeprefix(VECTORS)))
    return _open_path(location)


def with_pixels(source: Source) -> Source:
    """Return a source if it has pixels.

    Raises:
        SourceError: it holds vectors only.
    """
    if not source.has_pixels:
        raise SourceError(
            f"'{source.location}' holds vectors without pixels; they can only be a pool that "
            "'alkit query' chooses from"
        )
    return source


def _open_path(location: str) -> Source:
    path = Path(location).expanduser().absolute()
    try:
        str(path).encode()
        folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise SourceError(f"{location!a} cannot be opened: {error}; rename or move it") from error
    if folder:
        from .folder import Folder  # noqa: PLC0415  # Pillow is slow to import

        return Folder(path)
    if not exists:
        raise SourceError(
            f"there is no folder or file '{location}', and no data set with that name "
            f"({', '.join((DIGITS, *VISION))})"
        )
    suffix = path.suffix.lower()
    try:
        check_regular(path, most=MOST_BYTES if suffix == ".csv" else None)
    except OSError as error:
        raise SourceError(f"'{location}' cannot be read: {error.strerror}") from error
    if suffix == ".csv":
        from .manifest import Manifest  # noqa: PLC0415  # Pillow is slow to import

        return Manifest(path)
    if suffix in (".npy", ".npz"):
        from .arrays import ArrayFile  # noqa: PLC0415  # Pillow is slow to import
        from .vectors import Vectors, holds_vectors  # noqa: PLC0415  # numpy is slow to import

        if holds_vectors(path):
            return Vectors(path)
        return ArrayFile(path)
    raise SourceError(f"'{location}' is not a pool of images; give a folder, a .csv, an .npy or an .npz file")
