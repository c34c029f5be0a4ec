"""Tar shards as webdataset writes them, read in place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import alkit
from alkit.data import DecodedImage, ObjectSource, decode, default_root
from alkit.errors import SourceError, UnusableImage

from .class_order import in_order
from .kept import KeptObjects
from .shard import contents

BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST_SHARDS = 1_000_000


class WebDataset(ObjectSource):
    """Images in tar shards: `.tar` files, a folder of them, or `webdataset:shards/{000..031}.tar`.

    The files of a sample share their name up to the first dot, as in `0001.jpg`, `0001.cls`, `0001.json`. An
    image's key is `SHARD.tar/0001.jpg`; its label is the text of `.cls`, or field `label` or `class` of
    `.json`, whose other fields are columns. Shards may lie at an address; each is then fetched once and kept.

    Args:
        place: a file, a folder, or files with `{first..last}`; a path or an address.
        root: where copies and the contents of shards are kept.

    Raises:
        SourceError: there are no shards or no images, or a shard cannot be read.
    """

    name = "webdataset"
    suffixes = (".tar", ".tar.gz", ".tgz")
    folders = True

    def __init__(self, place: str, root: str | None = None) -> None:
        self.root = root
        remote = "://" in place
        place = place if remote else str(Path(place).expanduser().absolute())
        self.location = f"{self.name}:{place}"
        files = list(_remote_files(place, root) if remote else _local_files(place))
        self._files = {name: path for name, path in files}
        if len(self._files) < len(files):
            raise SourceError(f"two shards of '{place}' have the same name; give one of their folders")
        kept = default_root() if root is None else Path(root).expanduser().absolute()
        self._shards = {name: contents(path, kept / "shards") for name, path in self._files.items()}
        self._keys = [f"{name}/{member}" for name, shard in self._shards.items() for member in shard.images]
        if not self._keys:
            raise SourceError(f"the shards of '{place}' hold no images")
        self.classes = in_order(self.answers().values())

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the shards."""
        return cls(location.removeprefix(f"{cls.name}:"), root)

    def keys(self) -> list[str]:
        """Return `SHARD/MEMBER` in the order of shards and members."""
        return list(self._keys)

    def content(self, key: str) -> bytes:
        """Return the bytes of a member."""
        with contextlib.ExitStack() as opened:
            return self._content(key, {}, opened)

    def looks(
        self, keys: Sequence[str], *, at_least: tuple[int, int] | None = None
    ) -> Iterator[DecodedImage]:
        """Yield what `read` returns; each shard is opened once, and read from front to back."""
        files: dict[str, BinaryIO] = {}
        with contextlib.ExitStack() as opened:
            for key in keys:
                try:
                    content = self._content(key, files, opened)
                except UnusableImage as error:
                    yield DecodedImage("", unusable=str(error))
                else:
                    yield decode(content, self.pixel_type, self.value_range, at_least=at_least)

    def _content(self, key: str, files: dict[str, BinaryIO], opened: contextlib.ExitStack) -> bytes:
        name, _, member = key.partition("/")
        shard = self._shards.get(name)
        if shard is None or member not in shard.images:
            raise UnusableImage("there is no such member in the shards")
        offset, size = shard.images[member]
        try:
            if name not in files:
                file = open(self._files[name], "rb")  # noqa: SIM115  # closed with the stack
                files[name] = opened.enter_context(file)
            files[name].seek(offset)
            content = files[name].read(size)
        except OSError as error:
            raise SourceError(f"shard '{self._files[name]}' cannot be read: {error.strerror}") from error
        if len(content) < size:
            raise UnusableImage("the shard ends before the image does")
        return content

    def answers(self) -> dict[str, str]:
        """Return the labels of the samples that have one."""
        return {
            f"{name}/{member}": label
            for name, shard in self._shards.items()
            for member, label in shard.labels.items()
        }

    def columns(self) -> dict[str, dict[str, str]]:
        """Return the fields of the samples' JSON that are text, numbers or truth, but for the label."""
        found: dict[str, dict[str, str]] = {}
        for name, shard in self._shards.items():
            for column, values in shard.columns.items():
                rows = found.setdefault(column, {})
                rows.update((f"{name}/{member}", value) for member, value in values.items())
        return found


def _local_files(place: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every shard, in order."""
    path = Path(place)
    if path.is_dir():
        shards = sorted(
            p for p in path.rglob("*") if p.name.lower().endswith(WebDataset.suffixes) and p.is_file()
        )
        if not shards:
            raise SourceError(f"'{place}' holds no shards; they end in .tar")
        for shard in shards:
            yield shard.relative_to(path).as_posix().replace("/", "_"), shard
        return
    for written in expanded(place):
        if not Path(written).is_file():
            raise SourceError(f"there is no shard '{written}'")
        yield Path(written).name, Path(written)


def _remote_files(place: str, root: str | None) -> Iterator[tuple[str, Path]]:
    objects = KeptObjects(place, root)
    if not BRACES.search(place) and not objects.is_one_object():
        shards = [path for path in objects.listed() if path.lower().endswith(WebDataset.suffixes)]
        if not shards:
            raise SourceError(f"'{place}' holds no shards; they end in .tar")
        for shard in shards:
            yield shard.replace("/", "_"), objects.file(shard)
        return
    for written in expanded(place):
        yield written.rpartition("/")[2], KeptObjects(written, root).file()


def expanded(text: str) -> list[str]:
    """Return what `{000..031}` stands for, wherever it occurs in a text.

    Raises:
        SourceError: that would be too many.
    """
    found = BRACES.search(text)
    if found is None:
        return [text]
    first, last, digits = int(found[1]), int(found[2]), len(found[1])
    if abs(last - first) >= MOST_SHARDS:
        raise SourceError(f"'{found[0]}' stands for too many shards")
    return [
        more
        for number in range(first, last + 1)
        for more in expanded(f"{text[: found.start()]}{number:0{digits}}{text[found.end() :]}")
    ]


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [WebDataset]
