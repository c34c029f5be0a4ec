"""Progress of long work: bars on a terminal, a line now and then in a log, otherwise nothing."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

from .console import plain_stream, shown_by

SECONDS_BETWEEN_LINES = 30.0


class Bar(Protocol):
    """Something that counts."""

    def update(self, count: int, /) -> None:
        """Count some more."""
        ...

    def note(self, text: str, /) -> None:
        """Show a short note beside the count."""
        ...


class Progress(Protocol):
    """Where the engine and strategies tell a person what they are doing."""

    def line(self, text: str) -> None:
        """Print a sentence that stays."""
        ...

    def bar(self, total: int, label: str) -> contextlib.AbstractContextManager[Bar]:
        """Show how many of `total` are done while a block runs."""
        ...


class _NoBar:
    def update(self, count: int, /) -> None:
        pass

    def note(self, text: str, /) -> None:
        pass


class NullProgress:
    """Says nothing; the default of the library."""

    def line(self, text: str) -> None:
        """Say nothing."""

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show nothing."""
        yield _NoBar()


class _TerminalBar:
    def __init__(self, total: int, label: str) -> None:
        from tqdm import tqdm  # noqa: PLC0415  # tqdm is slow to import

        self._bar = tqdm(
            total=total, desc=shown_by(sys.stderr, label), leave=False, file=plain_stream(sys.stderr)
        )

    def update(self, count: int, /) -> None:
        self._bar.update(count)

    def note(self, text: str, /) -> None:
        self._bar.set_postfix_str(shown_by(sys.stderr, text))

    def close(self) -> None:
        self._bar.close()


class _LogBar:
    """Reports progress every half minute, so that a log shows life and stays short."""

    def __init__(self, total: int, label: str) -> None:
        self._total, self._label, self._done, self._text = total, label, 0, ""
        self._said = time.monotonic()

    def update(self, count: int, /) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES and self._done < self._total:
            text = f" ({self._text})" if self._text else ""
            line = shown_by(sys.stderr, f"{self._label}: {self._done:,} of {self._total:,}{text}")
            print(line, file=sys.stderr)
            self._said = now

    def note(self, text: str, /) -> None:
        self._text = text

    def close(self) -> None:
        pass


class Terminal:
    """Talks on standard error: bars where that is a terminal, a line every half minute where it is not."""

    def line(self, text: str) -> None:
        """Print a sentence."""
        from tqdm import tqdm  # noqa: PLC0415  # tqdm is slow to import

        tqdm.write(shown_by(sys.stderr, text), file=plain_stream(sys.stderr))

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show a bar that goes away when it is done."""
        shown = _TerminalBar(total, label) if sys.stderr.isatty() else _LogBar(total, label)
        try:
            yield shown
        finally:
            shown.close()
