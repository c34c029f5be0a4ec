"""Images at an address that fsspec knows: s3://, gs://, https:// and many more."""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import alkit
from alkit.data import IMAGE_SUFFIXES, Layout, ObjectSource, read_layout
from alkit.errors import SourceError, UnusableImage

from .kept import KeptObjects


class Remote(ObjectSource):
    """Every image under an address (`s3://`, `gs://`, `https://`, ...); each object is read once and kept.

    As in a folder, one folder per class defines the classes. Copies of the objects stay in `objects` under
    `root`, by default alkit's cache folder, so that an interrupted command continues where it was.

    Args:
        address: with a scheme.
        root: where copies are kept.

    Raises:
        SourceError: a library is missing, or the place cannot be reached.
    """

    name = "fsspec"
    schemes = (
        "s3",
        "s3a",
        "gs",
        "gcs",
        "http",
        "https",
        "abfs",
        "abfss",
        "adl",
        "az",
        "hf",
        "hdfs",
        "webhdfs",
        "sftp",
        "ssh",
        "ftp",
        "smb",
        "oci",
        "memory",
    )

    def __init__(self, address: str, root: str | None = None) -> None:
        self.location, self.root = address, root
        self._objects = KeptObjects(address, root)

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open an address; what is there is listed when somebody asks for it."""
        return cls(location.removeprefix(f"{cls.name}:"), root)

    def keys(self) -> list[str]:
        """Return the paths of all images under the address, relative to it, sorted."""
        return list(self._listed[0])

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The folders, if they are classes."""
        return self._listed[1].classes

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Sentences about what was left out."""
        left = self._listed[2]
        return ((f"objects left out by their suffix: {left:,}",) if left else ()) + self._listed[1].notes

    @property
    def facts(self) -> dict[str, Any]:  # type: ignore[override]
        """The same as JSON values."""
        return {"left_out": self._listed[2], "outside_class_folders": list(self._listed[1].strays)}

    @cached_property
    def _listed(self) -> tuple[list[str], Layout, int]:
        """Keys, what their folders say, and the number of other objects."""
        try:
            paths = self._objects.listed()
        except UnusableImage as error:
            raise SourceError(f"there is nothing at '{self.location}'") from error
        seen = [path for path in paths if not any(part.startswith(".") for part in path.split("/"))]
        keys = [path for path in seen if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES]
        if not keys:
            raise SourceError(
                f"there are no images at '{self.location}' (other objects: {len(seen):,}); images end in "
                f"{', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        return keys, read_layout(keys), len(seen) - len(keys)

    def content(self, key: str) -> bytes:
        """Return the bytes of an object, from the copy if there is one."""
        return self._objects.content(key)

    def answers(self) -> dict[str, str]:
        """Return the folder of each image, if folders are classes."""
        return {key: key.split("/")[0] for key in self.keys()} if self.classes else {}


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [Remote]
