"""Tar shards as webdataset writes them, read in place."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import alkit
from alkit.data import IMAGE_SUFFIXES, ObjectSource, default_root
from alkit.errors import SourceError, UnusableImage
from alkit.labeling import write_atomically

from .kept import KeptObjects

BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
LABELS = ("cls", "cls.txt", "label", "label.txt", "class", "class.txt")
IN_JSON = ("label", "class", "class_name", "category", "cls")
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MOST_TEXT = 2**16  # bytes of a label
MOST_SHARDS = 1_000_000
VERSION = 1


@dataclass(slots=True)
class Shard:
    """What is in a shard.

    Attributes:
        images: offset and size by name of the member.
        labels: label by name of the member.
        columns: what else is known, by column and by name of the member.
    """

    images: dict[str, tuple[int, int]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


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
        self._shards = {name: _contents(path, kept / "shards") for name, path in self._files.items()}
        self._keys = [f"{name}/{member}" for name, shard in self._shards.items() for member in shard.images]
        if not self._keys:
            raise SourceError(f"the shards of '{place}' hold no images")
        self.classes = tuple(sorted(set(self.answers().values()), key=_number_first))

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the shards."""
        return cls(location.removeprefix(f"{cls.name}:"), root)

    def keys(self) -> list[str]:
        """Return `SHARD/MEMBER` in the order of shards and members."""
        return list(self._keys)

    def content(self, key: str) -> bytes:
        """Return the bytes of a member."""
        name, _, member = key.partition("/")
        shard = self._shards.get(name)
        if shard is None or member not in shard.images:
            raise UnusableImage("there is no such member in the shards")
        offset, size = shard.images[member]
        try:
            with open(self._files[name], "rb") as file:
                file.seek(offset)
                content = file.read(size)
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


def _contents(path: Path, kept: Path) -> Shard:
    """Return what is in a shard; the answer is kept in a file, for as long as the shard does not change."""
    if path.name.lower().endswith(COMPRESSED):
        raise SourceError(f"shard '{path}' is compressed, and its images are already; unpack it with gunzip")
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"shard '{path}' cannot be read: {error.strerror}") from error
    version = f"{VERSION} {path} {status.st_size} {status.st_mtime_ns}"
    file = kept / f"{hashlib.sha256(version.encode()).hexdigest()[:32]}.json"
    try:
        table = json.loads(file.read_bytes())
        images = {str(name): (int(offset), int(size)) for name, (offset, size) in table["images"].items()}
        return Shard(images, table["labels"], table["columns"])
    except (OSError, ValueError, KeyError, TypeError):
        shard = _read(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(
            file, json.dumps({"images": shard.images, "labels": shard.labels, "columns": shard.columns})
        )
    except OSError:  # it is read again next time
        pass
    return shard


def _read(path: Path) -> Shard:
    """Look through a shard.

    Raises:
        SourceError: it is not a tar file, or is damaged.
    """
    shard, samples = Shard(), dict[str, tuple[list[str], dict[str, Any]]]()
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isreg() and not member.issparse():
                    _take(shard, samples, archive, member)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise SourceError(f"shard '{path}' cannot be read as a tar file: {error}") from error
    for images, texts in samples.values():
        label, columns = _known(texts)
        for image in images:
            if label:
                shard.labels[image] = label
            for column, value in columns.items():
                shard.columns.setdefault(column, {})[image] = value
    return shard


def _take(
    shard: Shard,
    samples: dict[str, tuple[list[str], dict[str, Any]]],
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
) -> None:
    """Take a member of a shard into account."""
    folder, _, base = member.name.rpartition("/")
    stem, _, extension = base.partition(".")
    if not stem or not extension or folder.startswith("__"):
        return
    extension = extension.lower()
    images, texts = samples.setdefault(f"{folder}/{stem}", ([], {}))
    if f".{extension.rpartition('.')[2]}" in IMAGE_SUFFIXES or extension.rpartition(".")[2] == "npy":
        try:
            member.name.encode()
        except UnicodeEncodeError:
            return
        shard.images[member.name] = (member.offset_data, member.size)
        images.append(member.name)
    elif (extension in LABELS or extension == "json") and member.size <= MOST_TEXT:
        stream = archive.extractfile(member)
        texts[extension] = b"" if stream is None else stream.read()


def _known(texts: dict[str, bytes]) -> tuple[str, dict[str, str]]:
    """Return label and columns of a sample."""
    label = next((_text(texts[name]) for name in LABELS if texts.get(name)), "")
    try:
        table = json.loads(texts.get("json", b"{}"))
    except (ValueError, RecursionError):
        table = {}
    if not isinstance(table, dict):
        return label, {}
    plain = {str(k): _plain(v) for k, v in table.items() if isinstance(v, (str, int, float, bool))}
    if not label:
        name = next((name for name in IN_JSON if plain.get(name)), None)
        label = plain.pop(name) if name else ""
    return label, plain


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").strip()


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=65536)
def _number_first(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() and len(text) < 10 else (10**10, text)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [WebDataset]
