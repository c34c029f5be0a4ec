"""Writing a file completely or not at all, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
LONGEST_NAME = 200  # bytes of a file's name that leave room for an ending; systems allow 255


def check_regular(path: Path | str, *, most: int | None = None) -> None:
    """Refuse what is not an ordinary file: reading from a pipe, socket or device may block or never end.

    Args:
        path: the file; links are followed.
        most: bytes that it may have, if that is limited.

    Raises:
        OSError: it is missing, of another kind, or too large; `strerror` says what.
        ValueError: no file can have this name.
    """
    _check(os.stat(path), path, most)  # noqa: PTH116


def open_regular(path: Path | str, *, most: int | None = None) -> io.FileIO:
    """Open an ordinary file to read its bytes, as `check_regular` says; never wait for another process."""
    check_regular(path, most=most)  # opening a device may already do something
    handle = os.open(path, os.O_RDONLY | AT_ONCE)
    try:
        _check(os.fstat(handle), path, most)  # what was opened, should the name have changed hands
        return os.fdopen(handle, "rb", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path | str, *, most: int | None = None) -> bytes:
    """Return the content of an ordinary file, as `check_regular` says."""
    with open_regular(path, most=most) as file:
        return file.readall()


def _check(status: os.stat_result, path: Path | str, most: int | None) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a file but a pipe, socket or device", str(path))
    if most is not None and status.st_size > most:
        raise OSError(errno.EFBIG, f"{status.st_size:,} bytes, over the limit of {most:,}", str(path))


def temporary_name(path: Path) -> Path:
    """Return a name of this process beside a file, not too long for the system however long its own is."""
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    # Processes of other machines that write to the same folder may have the same number.
    return path.with_name(f"{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")


def write_atomically(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file under another name, flush it to disk, and rename it; text is UTF-8."""
    with _as_if_in_place(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Let a block write a file under another name; then flush it to disk and rename it."""
    with _as_if_in_place(path) as temporary:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


@contextlib.contextmanager
def _as_if_in_place(path: Path) -> Iterator[Path]:
    """Yield a temporary name, and remove it afterwards; errors name the file itself, which people know."""
    temporary = temporary_name(path)
    try:
        yield temporary
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # there already is an error that says more
            temporary.unlink()


def as_file_name(text: str) -> str:
    """Return a text as part of a file's name: unchanged if possible, otherwise a short form with its hash."""
    if re.fullmatch(r"[\w-]{1,60}", text, re.ASCII):
        return text
    short = re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)[:40].strip("-.")
    return f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # not on this system
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
