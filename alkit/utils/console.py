"""What reaches a terminal: text without control characters, in whatever encoding the terminal has."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO

# Control characters but for line ends and tabs, line separators, marks that reverse text, lone surrogates.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LONGEST_WORD = 1_000
NEW_LINE = "\n"
NOT_ASCII = re.compile("[^\n\x20-\x7e]")


def command_to_run(*words: object) -> str:
    """Return a command of alkit in quotes, for a message; it can be copied into a shell."""
    command = " ".join(("alkit", *(shlex.quote(str(word)) for word in words)))
    return f"'{command}'" if "'" not in command else f'"{command}"'


def printable(text: str) -> str:
    """Return text that a terminal only shows: characters that could command it are written as escapes."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_by(stream: TextIO, text: str) -> str:
    """Return printable text in the letters that a stream has; others are written as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def one_line(text: str) -> str:
    """Return printable text on one line, in which no word is longer than a path may be."""
    line = printable(" ".join(text.splitlines()))
    return re.sub(
        rf"\S{{{LONGEST_WORD},}}", lambda found: f"{found[0][:60]}... ({len(found[0]):,} letters)", line
    )


def json_for(stream: TextIO, text: str) -> str:
    """Return JSON for a stream: only where that is UTF-8, as readers of JSON expect, are letters kept."""
    kept = (getattr(stream, "encoding", None) or "utf-8").lower() in ("utf-8", "utf8")
    return (UNPRINTABLE if kept else NOT_ASCII).sub(_json_escape, text)


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class Console(io.TextIOBase):
    """A standard stream that only shows text; libraries that draw on the terminal use `plain` instead.

    Args:
        plain: the stream that it writes to.
        bars: let the bars through that libraries draw while they download; where nobody watches, as in a
            log, only what a bar has drawn last is written, as a line.
    """

    def __init__(self, plain: TextIO, *, bars: bool = False) -> None:
        super().__init__()
        self.plain = plain
        self._bars = bars
        self._drawn = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self.plain, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write printable text."""
        start = re.match("\r|\x1b\\[A$", text) if self._bars else None  # how tqdm goes back, and up a line
        drawn = start[0] if start else ""
        rest = shown_by(self.plain, text[len(drawn) :])
        if self._bars and not self.isatty():
            if drawn or not text:
                self._drawn = rest.strip() or self._drawn
                return len(text)
            if self._drawn:
                rest = f"{self._drawn}\n{rest.removeprefix(NEW_LINE)}"
                self._drawn = ""
        self.plain.write(drawn + rest)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.plain.flush()

    def isatty(self) -> bool:
        """Say whether a person is watching."""
        return self.plain.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self.plain.fileno()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True


def plain_stream(stream: TextIO) -> TextIO:
    """Return the stream itself, for what draws on a terminal; its text has to be printable."""
    return stream.plain if isinstance(stream, Console) else stream


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Let the block, and a traceback that ends it, write printable text only, in any encoding."""
    before, hook = (sys.stdout, sys.stderr), sys.excepthook
    sys.excepthook = _print_traceback
    try:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None or isinstance(stream, Console):  # a windowed program has none
                continue
            setattr(sys, name, Console(stream, bars=name == "stderr"))
        yield
    except SystemExit:
        sys.excepthook = hook
        raise
    finally:
        if sys.stdout is not None:  # it is None if the reader has gone
            sys.stdout = before[0]
        sys.stderr = before[1]


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if sys.stderr is not None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(shown_by(sys.stderr, text))
