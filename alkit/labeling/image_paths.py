"""The ways in which a list or a tool may write the path of one image of the pool."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .given_answer import composed

UPLOADED = re.compile(r"(?:^|.*/)(?:data/)?upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(?P<name>[^/]+)$")
"""A file that was uploaded to Label Studio: `/data/upload/3/0f3c9a2b-cat.jpg`."""
DRIVE = re.compile(r"^[A-Za-z]:/")
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)

Parts = tuple[str, ...]


def parts(path: str) -> Parts:
    """Return the components of a path, composed (NFC), without `.` and empty ones."""
    return tuple(part for part in composed(path).split("/") if part not in ("", "."))


def readings(text: str) -> Iterator[Parts]:
    """Yield what a written path may mean, the most literal first: each as components.

    Backslashes are slashes; an address is its path, or what its `d=` names; `%20` is a space; the folder and
    the prefix that a labeling tool gives to uploaded files do not belong to the name.
    """
    seen: set[Parts] = set()
    for path in _written(text):
        reading = parts(DRIVE.sub("/", path))
        if reading and ".." not in reading and reading not in seen:
            seen.add(reading)
            yield reading


def _written(text: str) -> Iterator[str]:
    yield text
    slashed = text.replace("\\", "/")
    yield slashed
    for path in (slashed, *_inside(slashed)):
        yield path
        decoded = unquote(path)
        yield decoded
        if found := UPLOADED.match(decoded):
            yield found["name"]


def _inside(text: str) -> list[str]:
    """Return the paths inside an address."""
    if "?" not in text and not SCHEME.match(text):
        return []
    try:
        address = urlsplit(text)
        named = parse_qs(address.query).get("d", [])
    except ValueError:
        return []
    return [*named, address.path]


def from_here(text: str, folders: Sequence[Path], root: Path) -> Iterator[str]:
    """Yield the path from the pool of a file that is named from other folders, links kept and followed.

    Args:
        text: the path as written.
        folders: where a relative path may start.
        root: folder of the pool.
    """
    for folder in folders:
        for path in (Path.absolute, Path.resolve):
            for base in (Path.absolute, Path.resolve):
                with contextlib.suppress(ValueError, OSError, RuntimeError):
                    yield path(folder / text).relative_to(base(root)).as_posix()
