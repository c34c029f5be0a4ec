"""What is in a tar shard: where each image lies, its label and what else its sample says."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alkit.data import IMAGE_SUFFIXES
from alkit.errors import SourceError
from alkit.labeling import write_atomically

LABELS = ("cls", "cls.txt", "label", "label.txt", "class", "class.txt")
IN_JSON = ("label", "class", "class_name", "category", "cls")
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MOST_TEXT = 2**16  # bytes of a label
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


def contents(path: Path, kept: Path) -> Shard:
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
    with contextlib.suppress(OSError):  # then it is read again next time
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(
            file, json.dumps({"images": shard.images, "labels": shard.labels, "columns": shard.columns})
        )
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
