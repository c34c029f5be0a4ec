"""The checks of a source: what it says of its images is so, each time and from every thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from alkit.data.pixel_types import PIXEL_TYPES
from alkit.data.source import DecodedImage, Source
from alkit.errors import UnusableImage
from alkit.plugin import registry
from alkit.plugin.sources import open_source

from .results import NotApplicable, Result, outcome, require, title

MOST = 40  # images that are read
HASH = re.compile(r"[0-9a-f]{64}")
NOWHERE = "there/is/no/such image"


class SourceSubject:
    """The source under test.

    Args:
        location: as users write it.
        plugin: its name or its class, if it matters which one opens the location.
        root: where data from elsewhere is kept.
    """

    def __init__(self, location: str, plugin: str | type[Source] = "", root: str | None = None) -> None:
        self.location, self.root = location, root
        self.name = plugin if isinstance(plugin, str) else ""
        self.cls = None if isinstance(plugin, str) else plugin
        self.source = self.open(location)
        self.keys = list(self.source.keys()[:MOST])

    def open(self, location: str) -> Source:
        """Open a location."""
        if self.cls is None:
            return open_source(location, root=self.root)
        return self.cls.open(location, root=self.root)


def opened_by_its_plugin(subject: SourceSubject) -> None:
    """The location opens a source of this plugin."""
    if not subject.name:
        raise NotApplicable("no entry point was named")
    cls = registry.sources.get(subject.name)
    require(
        isinstance(subject.source, cls),
        f"'{subject.location}' is opened by {type(subject.source).__name__}, not by {cls.__name__}",
    )


def opens_again(subject: SourceSubject) -> None:
    """`location` opens the same images again, in the same order."""
    location = getattr(subject.source, "location", None)
    require(isinstance(location, str) and location, f"location is {location!r}")
    again = subject.open(str(location))
    require(again.keys() == subject.source.keys(), f"'{location}' opens other images, or in another order")


def names_images(subject: SourceSubject) -> None:
    """Keys are distinct, storable texts; there is at least one."""
    keys = list(subject.source.keys())
    require(keys, "there are no images: a source without images should raise SourceError when it is opened")
    wrong = [key for key in keys if not isinstance(key, str) or not key or "\0" in key]
    require(not wrong, f"{wrong[:1]} is not a key: keys are texts")
    require(len(set(keys)) == len(keys), "a key occurs twice")
    for key in keys:
        try:
            key.encode()
        except UnicodeEncodeError:
            require(False, f"key {key!a} cannot be stored as UTF-8")


def reads_images(subject: SourceSubject) -> None:
    """`read` returns a hash, a size, and pixels [H, W, C] of the pixel type; or the reason why not."""
    for key in subject.keys:
        found = subject.source.read(key)
        _check(subject, key, found)
    usable = sum(subject.source.read(key).unusable is None for key in subject.keys)
    require(usable, "none of the images is usable")


def _check(subject: SourceSubject, key: str, found: DecodedImage) -> None:
    require(isinstance(found, DecodedImage), f"read({key!r}) returned {type(found).__name__}")
    if found.unusable is not None:
        require(found.pixels is None, f"{key!r} is unusable but has pixels")
        return
    require(HASH.fullmatch(found.hash), f"the hash of {key!r} is not 64 hex digits but {found.hash!r}")
    pixels = found.pixels
    if pixels is None:
        require(False, f"{key!r} has neither pixels nor a reason")
        return
    kind = subject.source.pixel_type
    require(pixels.dtype == kind, f"the pixels of {key!r} are {pixels.dtype}, and the pixel type is {kind}")
    require(pixels.ndim == 3, f"the pixels of {key!r} have the shape {pixels.shape}, not [H, W, C]")
    require(
        abs(pixels.shape[0] * found.width - pixels.shape[1] * found.height) <= found.width + found.height,
        f"{key!r} is {found.height} x {found.width} (height, width), but its pixels have the shape "
        f"{pixels.shape}, which should be [H, W, C]",
    )
    require(
        found.width >= pixels.shape[1] and found.height >= pixels.shape[0],
        f"{key!r} is {found.height} x {found.width} but has pixels of shape {pixels.shape}",
    )


def keeps_all_bits(subject: SourceSubject) -> None:
    """With another pixel type, `read` gives values of that type, and the same hash."""
    source = subject.source
    before = source.pixel_type
    values = [facts for key in subject.keys if (facts := source.stored_values(key))]
    try:
        for kind in PIXEL_TYPES[1:]:
            source.pixel_type = kind
            for key in subject.keys[:4]:
                found = source.read(key)
                if found.unusable is None:
                    _check(subject, key, found)
    finally:
        source.pixel_type = before
    for type_name, low, high in values:
        require(
            isinstance(type_name, str) and low <= high, f"stored_values returned {(type_name, low, high)}"
        )


def unknown_key_is_unusable(subject: SourceSubject) -> None:
    """A key that there is not gives a reason, not an error."""
    require(subject.source.read(NOWHERE).unusable, "read returned no reason for a key that there is not")
    require(subject.source.hash_of(NOWHERE) == "", "hash_of returned a hash for a key that there is not")


def looks_as_it_reads(subject: SourceSubject) -> None:
    """`looks` yields what `read` returns, in the order of the keys; `hash_of` and `header` agree."""
    source, keys = subject.source, [*reversed(subject.keys), NOWHERE]
    found = list(source.looks(keys))
    require(len(found) == len(keys), f"looks yielded {len(found)} of {len(keys)} images")
    for key, looked in zip(keys, found, strict=True):
        read = source.read(key)
        require(_same(looked, read), f"looks and read do not agree on {key!r}")
        require(source.hash_of(key) == read.hash, f"hash_of and read do not agree on {key!r}")
        if read.pixels is not None:
            header = (read.pixels.shape[2], read.height, read.width)
            require(source.header(key) == header, f"header of {key!r} is {source.header(key)}, not {header}")


def reads_from_threads(subject: SourceSubject) -> None:
    """Many threads read the same as one."""
    source, keys = subject.source, subject.keys * 4
    alone = {key: source.read(key) for key in subject.keys}
    with ThreadPoolExecutor(8) as pool:
        for key, found in zip(keys, pool.map(source.read, keys), strict=True):
            require(_same(found, alone[key]), f"{key!r} is different when many threads read")


def _same(first: DecodedImage, second: DecodedImage) -> bool:
    if (first.hash, first.width, first.height) != (second.hash, second.width, second.height):
        return False
    if first.pixels is None or second.pixels is None:
        return first.pixels is None and second.pixels is None and first.unusable == second.unusable
    return np.array_equal(first.pixels, second.pixels)


def shows_pictures(subject: SourceSubject) -> None:
    """`picture` gives people [H, W, 1 or 3] uint8."""
    for key in subject.keys:
        try:
            digest, picture = subject.source.picture(key)
        except UnusableImage:
            continue
        require(
            picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] in (1, 3),
            f"the picture of {key!r} is {picture.dtype} {picture.shape}",
        )
        require(digest == subject.source.read(key).hash, f"picture and read do not agree on {key!r}")


def knows_its_images(subject: SourceSubject) -> None:
    """Answers and columns are texts by key, and answers are among the classes, if it has some."""
    source = subject.source
    keys, answers = set(source.keys()), source.answers()
    tables = {"answers": answers, **{f"column {name!r}": rows for name, rows in source.columns().items()}}
    for name, rows in tables.items():
        strange = [key for key in rows if key not in keys]
        require(not strange, f"{name} knows {strange[:1]}, which is not an image")
        wrong = [value for value in rows.values() if not isinstance(value, str)]
        require(not wrong, f"{name} holds {wrong[:1]}, which is not a text")
    others = set(answers.values()) - set(source.classes) if source.classes else set()
    require(not others, f"answers are not among the classes: {sorted(others)[:3]}")


CHECKS: tuple[Callable[[SourceSubject], None], ...] = (
    opened_by_its_plugin,
    opens_again,
    names_images,
    reads_images,
    keeps_all_bits,
    unknown_key_is_unusable,
    looks_as_it_reads,
    reads_from_threads,
    shows_pictures,
    knows_its_images,
)


def check_source(location: str, plugin: str | type[Source] = "", *, root: str | None = None) -> list[Result]:
    """Run every check.

    Args:
        location: some images of this source, as users write it.
        plugin: the name of the plugin that should open it, or a class; whichever does by default.
        root: where data from elsewhere is kept.

    Returns:
        One result per check.

    Raises:
        SourceError: the location cannot be opened.
    """
    subject = SourceSubject(location, plugin, root)
    return [outcome(title(check), check, subject) for check in CHECKS]
