"""Objects from elsewhere, each fetched once and kept in a folder on this machine."""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from alkit.data import default_root
from alkit.errors import SourceError, UnusableImage, reason_of
from alkit.labeling import write_atomically

T = TypeVar("T")
LISTING = "listing.json"
ATTEMPTS = 3
PAUSE = 0.5  # seconds, doubled after each attempt
VERSIONS = ("ETag", "etag", "checksum", "md5Hash", "sha", "LastModified", "mtime", "updated", "created")
MOST_BYTES = 2**30  # of an image
NEEDS = {"s3": "s3", "s3a": "s3"}
"""Extras by scheme."""


class KeptObjects:
    """What lies under an address, and copies of it.

    Args:
        address: with a scheme, as fsspec understands it.
        root: where to keep copies; by default `objects` in alkit's cache folder.

    Raises:
        SourceError: a library is missing, or the address holds a password.
    """

    def __init__(self, address: str, root: str | None = None) -> None:
        check_address(address)
        self.address = address.rstrip("/") if not address.endswith("://") else address
        try:
            fsspec: Any = importlib.import_module("fsspec")
        except ModuleNotFoundError as error:
            raise SourceError(
                "addresses such as s3:// need fsspec; install it with: pip install 'alkit[remote]'"
            ) from error
        try:
            self.system, self.place = fsspec.core.url_to_fs(self.address)
        except ImportError as error:
            scheme = urlsplit(address).scheme
            extra = NEEDS.get(scheme)
            how = f"install it with: pip install 'alkit[{extra}]'" if extra else "install that"
            raise SourceError(f"{scheme}:// cannot be opened: {error}; {how}") from error
        except Exception as error:  # of a library: an address that it does not understand
            raise SourceError(f"'{address}' cannot be opened: {error}") from error
        name = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        self.folder = (
            (default_root() if root is None else Path(root).expanduser().absolute()) / "objects" / name
        )
        self._known: dict[str, tuple[int | None, str]] | None = None

    def listed(self) -> list[str]:
        """Return the paths of all objects under the address, relative to it, sorted.

        Raises:
            SourceError: the place cannot be reached.
        """
        found = self._found()
        prefix = self.place.rstrip("/") + "/"
        known = {
            name[len(prefix) :]: _version(info) for name, info in found.items() if name.startswith(prefix)
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / LISTING, json.dumps(known))
        self._known = known
        return sorted(known)

    def _found(self) -> dict[str, Any]:
        """Return what fsspec says of all objects under the address, by their full names.

        Where fsspec would go from folder to folder, leaving out what it cannot reach, this goes itself.
        """
        from fsspec.asyn import AsyncFileSystem  # noqa: PLC0415  # may be missing
        from fsspec.spec import AbstractFileSystem  # noqa: PLC0415  # may be missing

        kind = type(self.system)
        generic = AsyncFileSystem._find if issubclass(kind, AsyncFileSystem) else AbstractFileSystem.find
        if getattr(kind, generic.__name__) is not generic:
            found: dict[str, Any] = self._tried(lambda: self.system.find(self.place, detail=True), "listed")
            return found
        found, waiting, seen = {}, [str(self.place)], set()
        while waiting:
            if (folder := waiting.pop().rstrip("/")) in seen:
                continue
            seen.add(folder)
            for entry in self._tried(functools.partial(self.system.ls, folder, detail=True), "listed"):
                if entry["type"] == "directory":
                    waiting.append(entry["name"])
                else:
                    found[entry["name"]] = entry
        return found

    def is_one_object(self) -> bool:
        """Say whether the address is that of one object, not of many."""
        return bool(self._tried(lambda: self.system.isfile(self.place), "looked at"))

    def content(self, path: str) -> bytes:
        """Return the bytes of an object, from the copy if there is one.

        Args:
            path: relative to the address; empty for the address itself.

        Raises:
            UnusableImage: there is no such object, or it is too large.
            SourceError: the place cannot be reached.
        """
        copy, size = self._copy(path)
        if copy.is_file() and size in (None, copy.stat().st_size):
            return copy.read_bytes()
        content: bytes = self._tried(lambda: self.system.cat_file(self._full(path)), "read")
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(copy, content)
        return content

    def file(self, path: str = "") -> Path:
        """Return the copy of a large object, such as a shard; it is fetched in pieces if it is not there.

        Raises:
            SourceError: there is no such object, or the place cannot be reached.
        """
        try:
            copy, size = self._copy(path, most=None)
        except UnusableImage as error:
            raise SourceError(f"'{self.address}' has no '{path}': {error}") from error
        if not copy.is_file() or size not in (None, copy.stat().st_size):
            copy.parent.mkdir(parents=True, exist_ok=True)
            part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
            try:
                self._tried(lambda: self.system.get_file(self._full(path), str(part)), "read")
                part.replace(copy)
            finally:
                part.unlink(missing_ok=True)
        return copy

    def _full(self, path: str) -> str:
        return f"{self.place.rstrip('/')}/{path}" if path else str(self.place)

    def _copy(self, path: str, most: int | None = MOST_BYTES) -> tuple[Path, int | None]:
        """Return the place of an object's copy, and the size; another version has another place."""
        if self._known is None:
            self._known = _last_listing(self.folder / LISTING)
        if path not in self._known:
            self._known[path] = _version(self._tried(lambda: self.system.info(self._full(path)), "looked at"))
        size, version = self._known[path]
        if most is not None and size is not None and size > most:
            raise UnusableImage(f"object of {size:,} bytes, over the limit of {most:,}")
        name = hashlib.sha256(f"{path}\n{size}\n{version}".encode()).hexdigest()[:32]
        return self.folder / name[:2] / f"{name}{Path(path or self.place).suffix.lower()[:10]}", size

    def _tried(self, call: Callable[[], T], verb: str) -> T:
        """Try a few times.

        Raises:
            UnusableImage: there is no such object.
            SourceError: the place cannot be reached.
        """
        for attempt in range(ATTEMPTS):
            try:
                return call()
            except FileNotFoundError:
                raise UnusableImage("no such object") from None
            except Exception as error:  # of a library, for any reason
                if attempt == ATTEMPTS - 1 or isinstance(error, PermissionError):
                    raise SourceError(
                        f"'{self.address}' cannot be {verb}: {reason_of(error)}; try again, what was read "
                        "is kept"
                    ) from error
            time.sleep(PAUSE * 2**attempt)
        raise AssertionError


def _version(info: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return the size of an object, and what changes whenever the object does."""
    return info.get("size"), next((str(info[key]) for key in VERSIONS if info.get(key) is not None), "")


def _last_listing(file: Path) -> dict[str, tuple[int | None, str]]:
    """Return what the last listing found, by path; copies looked up by it need no network."""
    try:
        return {path: (size, str(version)) for path, (size, version) in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def check_address(address: str) -> None:
    """Refuse a password, which would be written into every campaign.

    Raises:
        SourceError: the address holds one.
    """
    try:
        password = urlsplit(address).password
    except ValueError as error:
        raise SourceError(f"'{address}' is not an address: {error}") from error
    if password is not None:
        raise SourceError(
            "the address holds a password, which would be written into the campaign; give it to fsspec by "
            "environment variables or configuration files"
        )
