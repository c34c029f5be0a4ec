"""How long work shows how far it is: bars on a terminal, a line a stage in a log, nothing in a library."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol


class Bar(Protocol):
    """Something that counts."""

    def update(self, count: int, /) -> None:
        """Count some more."""
        ...


class Progress(Protocol):
    """Where the engine and strategies tell a person what they are doing."""

    def line(self, text: str) -> None:
        """Say a sentence that stays."""
        ...

    def bar(self, total: int, label: str) -> contextlib.AbstractContextManager[Bar]:
        """Show how many of `total` are done while a block runs."""
        ...


class _NoBar:
    def update(self, count: int, /) -> None:
        pass


class Silent:
    """Says nothing; the default of the library."""

    def line(self, text: str) -> None:
        """Say nothing."""

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show nothing."""
        yield _NoBar()


class Terminal:
    """Talks on standard error; bars only where that is a terminal."""

    def line(self, text: str) -> None:
        """Print a sentence."""
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show a bar that goes away when it is done."""
        from tqdm import tqdm

        with tqdm(total=total, desc=label, leave=False, disable=None, file=sys.stderr) as bar:
            yield bar
