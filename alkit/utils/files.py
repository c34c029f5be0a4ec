"""Writing a file completely or not at all, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Shape = tuple[int, int, int]


def write_atomically(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file under another name, flush it to disk, and rename it; text is UTF-8."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
