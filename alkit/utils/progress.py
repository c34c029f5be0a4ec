"""Progress of long work: bars on a terminal and in a notebook, a line now and then in a log, or nothing."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

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


class _DrawnBar:
    """A bar of tqdm, as text or as a widget."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def update(self, count: int, /) -> None:
        self._bar.update(count)

    def note(self, text: str, /) -> None:
        self._bar.set_postfix_str(shown_by(sys.stderr, text))

    def close(self) -> None:
        self._bar.close()


class _Widget(_DrawnBar):
    """A bar below the cell of a notebook; nothing of it stays in the file of the notebook."""

    def __init__(self, total: int, label: str) -> None:
        from IPython.display import display  # noqa: PLC0415  # there is none outside notebooks
        from tqdm.notebook import tqdm  # noqa: PLC0415  # tqdm is slow to import

        super().__init__(tqdm(total=total, desc=label, leave=False, display=False))
        self._shown = display(self._bar.container, display_id=True)

    def close(self) -> None:
        super().close()
        self._shown.update({"text/plain": ""}, raw=True)


class _LogBar:
    """Reports progress every half minute, so that a log shows life and stays short."""

    def __init__(self, total: int, label: str, say: Callable[[str], None]) -> None:
        self._total, self._label, self._done, self._text, self._say = total, label, 0, "", say
        self._said = time.monotonic()

    def update(self, count: int, /) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES and self._done < self._total:
            text = f" ({self._text})" if self._text else ""
            self._say(f"{self._label}: {self._done:,} of {self._total:,}{text}")
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
        with contextlib.closing(self._drawn(total, label) or _LogBar(total, label, self.line)) as shown:
            yield shown

    def _drawn(self, total: int, label: str) -> _DrawnBar | None:
        """Return a bar where one can be drawn."""
        if not sys.stderr.isatty():
            return None
        from tqdm import tqdm  # noqa: PLC0415  # tqdm is slow to import

        text = shown_by(sys.stderr, label)
        return _DrawnBar(tqdm(total=total, desc=text, leave=False, file=plain_stream(sys.stderr)))


class Notebook(Terminal):
    """Talks below the cell of a notebook: bars are widgets, and lines without ipywidgets."""

    def line(self, text: str) -> None:
        """Print a sentence, on standard output, since notebooks show standard error like a failure."""
        print(shown_by(sys.stdout, text))

    def _drawn(self, total: int, label: str) -> _DrawnBar | None:
        return _Widget(total, label) if importlib.util.find_spec("ipywidgets") is not None else None


def chosen_progress(progress: Progress | bool | None) -> Progress:
    """Return where work shows its progress.

    Args:
        progress: True shows it and False does not; by default, notebooks show it and programs do not.
    """
    if progress is None:
        progress = in_notebook()
    if isinstance(progress, bool):
        return (Notebook() if in_notebook() else Terminal()) if progress else NullProgress()
    return progress


def in_notebook() -> bool:
    """Say whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})
