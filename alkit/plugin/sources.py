"""Sources by location: finding the plugin for a data set's name, a scheme, a folder or a suffix."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import AlkitError, BrokenPlugin, SourceError
from alkit.utils.files import check_regular

from . import registry
from .faults import blamed, returned, shown
from .summary import Claims, claims_of

if TYPE_CHECKING:
    from alkit.data.source import Source

    from .registry import Plugin

FOLDER = "folder"
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]+):(?!\\)")  # two letters or more: not a drive
MOST_COMPARED = 10**6  # keys; a set of more needs too much memory
MOST_LOOKED_AT = 1000  # entries of a folder, to see what kind it is


def open_source(location: str, *, root: str | None = None, download: bool = False) -> Source:
    """Open a pool of images.

    Args:
        location: a folder, a file, an address, or the name of a data set; `alkit plugins` lists the sources.
            Built in are folders, `.csv` manifests, `.npy` and `.npz` files, the data sets `digits`,
            `cifar10`, `cifar100`, `fashion-mnist`, `mnist` and `svhn` (with `/test` for their test images),
            Parquet files and folders of the `datasets` library, tar shards of webdataset, and addresses such
            as `s3://`. `NAME:LOCATION` says which source is meant. A data set's name wins over a folder of
            that name, which is then `./NAME`.
        root: where a torchvision data set lies or is downloaded to, and where remote objects are kept.
        download: allow torchvision to download what is missing.

    Raises:
        SourceError: there is no such source, it holds no images, or it cannot be read.
    """
    plugin, place = _found(location)
    cls = registry.sources.get(plugin)
    try:
        with blamed(cls, f"to open '{location}'"):
            source = cls.open(place, root=root, download=download)
    except NotImplementedError as error:
        raise BrokenPlugin(f"source '{plugin}' does not define open, so no location opens it") from error
    if not isinstance(source, registry.sources.base):
        raise returned(cls, "open", source, "an alkit.Source")
    if place == location != source.location and not _opens(source.location, plugin):
        source.location = f"{plugin}:{source.location}"
    return source


def keys_of(source: Source) -> Sequence[str]:
    """Return the keys of a source's images.

    Raises:
        BrokenPlugin: a key is not a text, or occurs twice.
    """
    with blamed(source, "to list its images"):
        keys = source.keys()
    if isinstance(keys, (list, tuple)):
        wrong = next((key for key in keys if not isinstance(key, str)), None)
        if wrong is not None:
            raise returned(source, "keys", wrong, "texts")
        if len(keys) <= MOST_COMPARED and len(set(keys)) < len(keys):
            twice = Counter(keys).most_common(1)[0][0]
            raise BrokenPlugin(f"{shown(source)} names the image '{twice}' twice; keys should be distinct")
    return keys


def hidden_answers(source: Source) -> Mapping[str, str]:
    """Return the labels that a source knows, by key.

    Raises:
        BrokenPlugin: they are no dictionary.
    """
    with blamed(source, "to tell its labels"):
        answers: Any = source.answers()
    if not isinstance(answers, Mapping):
        raise returned(source, "answers", answers, "a dictionary of texts by key")
    return answers


def _opens(location: str, plugin: str) -> bool:
    """Say whether a location alone opens a source, as when the campaign is opened again.

    That is so if it names a plugin, perhaps another one, which this one has left the location to.
    """
    scheme = SCHEME.match(location)
    if scheme is not None and _by_scheme(scheme[1].lower()) is not None:
        return True
    try:
        return _found(location)[0] == plugin
    except AlkitError:
        return False


def _found(location: str) -> tuple[str, str]:
    """Return the plugin for a location, and the location as it is given to the plugin.

    Raises:
        SourceError: there is none.
    """
    claims = claimed()
    name, _, split = location.partition("/")
    for plugin, claim in claims.items():
        if name in claim.datasets and split in ("", "test"):
            return plugin, location
    scheme = SCHEME.match(location)
    if scheme is not None and ("://" in location or not _exists(location)):
        if (owner := _by_scheme(scheme[1].lower())) is not None:
            return owner, location
        if "://" in location:
            known = sorted({word for claim in claims.values() for word in claim.schemes})
            raise SourceError(f"there is no source for '{scheme[1]}://'; choose from {', '.join(known)}")
    return _by_path(location)


def _by_scheme(scheme: str) -> str | None:
    claims = claimed()
    if scheme in claims:
        return scheme
    return next((plugin for plugin, claim in claims.items() if scheme in claim.schemes), None)


def _by_path(location: str) -> tuple[str, str]:
    path = Path(location).expanduser().absolute()
    try:
        str(path).encode()
        folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise SourceError(f"{location!a} cannot be opened: {error}; rename or move it") from error
    if folder:
        return _by_content(path), str(path)
    claims = claimed()
    if not exists:
        datasets = [name for claim in claims.values() for name in claim.datasets]
        is_name = len(Path(location).parts) == 1
        no_set = f", and no data set with that name ({', '.join(datasets)})" if is_name else ""
        raise SourceError(f"there is no folder or file '{location}'{no_set}")
    try:
        check_regular(path)
    except OSError as error:
        raise SourceError(f"'{location}' cannot be read: {error.strerror}") from error
    owner = _by_suffix(path.name)
    if owner is None:
        suffixes = sorted({suffix for claim in claims.values() for suffix in claim.suffixes})
        raise SourceError(
            f"'{location}' is not a pool of images; give a folder or a file ending in {', '.join(suffixes)}"
        )
    return owner, str(path)


def _by_suffix(name: str) -> str | None:
    """Return the plugin whose suffix a file name ends in, the longest suffix first."""
    fitting = [
        (len(suffix), plugin)
        for plugin, claim in claimed().items()
        for suffix in claim.suffixes
        if name.lower().endswith(suffix)
    ]
    return max(fitting)[1] if fitting else None


def _by_content(folder: Path) -> str:
    """Return the plugin for a folder: one that claims the files in it, if it holds no image files at all."""
    from alkit.data.sources.files import OTHER_SUFFIXES, SUFFIXES  # noqa: PLC0415  # Pillow is slow to import

    claims = claimed()
    owners = {s: p for p, claim in claims.items() if claim.folders for s in claim.suffixes}
    found: dict[str, int] = {}
    for name in _names(folder):
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
        if suffix in SUFFIXES or suffix in OTHER_SUFFIXES:
            return FOLDER
        plugin = next((plugin for ending, plugin in owners.items() if name.lower().endswith(ending)), None)
        if plugin is not None:
            found[plugin] = found.get(plugin, 0) + 1
    return max(found, key=lambda plugin: found[plugin]) if found else FOLDER


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of the first files in a folder and in the folders in it."""
    looked_at = 0
    waiting = [(str(folder), 0)]
    while waiting:
        place, depth = waiting.pop(0)
        try:
            with os.scandir(place) as listing:
                for entry in listing:
                    looked_at += 1
                    if looked_at > MOST_LOOKED_AT:
                        return
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        if depth == 0:
                            waiting.append((entry.path, depth + 1))
                    else:
                        yield entry.name
        except OSError:  # the source that is opened says so
            continue


def _exists(location: str) -> bool:
    try:
        return Path(location).expanduser().exists()
    except (OSError, ValueError):
        return False


@cache
def _claims(plugins: tuple[Plugin, ...]) -> dict[str, Claims]:
    return {plugin.name: claims_of(plugin) for plugin in plugins}


def claimed() -> dict[str, Claims]:
    """Return what each source opens, by the name of its plugin, importing none."""
    return _claims(tuple(registry.sources))
