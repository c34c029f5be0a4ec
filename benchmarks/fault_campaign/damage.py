"""Things that happen to any file: cut, overwritten, replaced by a pipe, and so on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

from .world import flip

Damage = Callable[[Path, Random], None]


def cut_to_nothing(path: Path, _: Random) -> None:
    """Leave an empty file."""
    path.write_bytes(b"")


def cut_somewhere(path: Path, rng: Random) -> None:
    """Leave the beginning."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def flip_one(path: Path, rng: Random) -> None:
    """Change a bit."""
    flip(path, rng, 1)


def flip_many(path: Path, rng: Random) -> None:
    """Change many bits."""
    flip(path, rng, 200)


def fill_a_page(path: Path, rng: Random) -> None:
    """Overwrite 4096 bytes with zeros, as a failing disk does."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(max(1, len(content) // 4096 + 1)) * 4096
    content[at : at + 4096] = bytes(len(content[at : at + 4096]))
    path.write_bytes(content)


def fill_with_noise(path: Path, rng: Random) -> None:
    """Overwrite everything with noise."""
    path.write_bytes(rng.randbytes(path.stat().st_size))


def append_noise(path: Path, rng: Random) -> None:
    """Write noise behind the end."""
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randrange(1, 10_000)))


def become_text(path: Path, _: Random) -> None:
    """Be replaced by a text with control characters."""
    path.write_text("\x1b[2J\x1b]0;owned\x07 not what you think\n" * 3)


def become_json(path: Path, _: Random) -> None:
    """Be replaced by JSON of a hundred thousand levels."""
    path.write_text("[" * 100_000)


def vanish(path: Path, _: Random) -> None:
    """Be removed."""
    path.unlink()


def become_folder(path: Path, _: Random) -> None:
    """Be replaced by a folder."""
    path.unlink()
    path.mkdir()


def become_pipe(path: Path, _: Random) -> None:
    """Be replaced by a pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def become_socket(path: Path, _: Random) -> None:
    """Be replaced by a socket."""
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the names of sockets have to be short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def link_to_itself(path: Path, _: Random) -> None:
    """Be replaced by a link to itself."""
    path.unlink()
    path.symlink_to(path.name)


def link_to_nowhere(path: Path, _: Random) -> None:
    """Be replaced by a link to what does not exist."""
    path.unlink()
    path.symlink_to("gone-for-good")


def link_to_zeros(path: Path, _: Random) -> None:
    """Be replaced by a link to a device without end."""
    path.unlink()
    path.symlink_to("/dev/zero")


def link_to_pipe(path: Path, _: Random) -> None:
    """Be replaced by a link to a pipe."""
    path.unlink()
    os.mkfifo(path.with_name("pipe-elsewhere"))
    path.symlink_to("pipe-elsewhere")


def become_giant(path: Path, _: Random) -> None:
    """Grow to a terabyte of zeros that takes no space."""
    os.truncate(path, 2**40)


def become_hidden_giant(path: Path, _: Random) -> None:
    """Be replaced by a terabyte of zeros that takes no space."""
    path.write_bytes(b"")
    os.truncate(path, 2**40)


ALL: tuple[Damage, ...] = (
    *(cut_to_nothing, cut_somewhere, flip_one, flip_many, fill_a_page, fill_with_noise, append_noise),
    *(become_text, become_json, vanish, become_folder, become_pipe, become_socket, link_to_itself),
    *(link_to_nowhere, link_to_zeros, link_to_pipe, become_giant, become_hidden_giant),
)
