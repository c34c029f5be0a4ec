"""One command line called in this process or another, and what may never happen to it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

CODES = (0, 1, 2)
SECONDS = 60.0
MOST_MB = 6_000
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Fault(Exception):
    """Something that must not happen did."""


class Hang(BaseException):
    """A command took longer than any should."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str


@contextlib.contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Interrupt the block when it takes too long."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def call(*words: str | Path, expect: Sequence[int] = CODES) -> Said:
    """Call the command line in this process and judge how it ended.

    Raises:
        Fault: a traceback, a hang, a raw escape, more than one sentence, or an unexpected exit code.
    """
    from alkit.cli import main

    named = tuple(map(str, words))
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv, code = ["alkit", *named], None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), limited():
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except Hang:
        raise Fault(f"{shown(named)} runs still after {SECONDS:.0f} seconds") from None
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise Fault(
            f"{shown(named)}: traceback: {type(error).__name__}: {error!s:.200} "
            f"({Path(last.filename).name}:{last.lineno})"
        ) from error
    finally:
        sys.argv = argv
    assert code is not None
    return judged(Said(named, code, out.getvalue(), err.getvalue()), expect)


def call_apart(*words: str | Path, expect: Sequence[int] = CODES, encoding: str = "utf-8") -> Said:
    """Call the command line in a process of its own and judge how it ended."""
    named = tuple(map(str, words))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "alkit", *named],
            capture_output=True,
            timeout=2 * SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
    except subprocess.TimeoutExpired:
        raise Fault(f"{shown(named)} runs still after {2 * SECONDS:.0f} seconds") from None
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    return judged(Said(named, done.returncode, out, err), expect)


def judged(said: Said, expect: Sequence[int] = CODES) -> Said:
    """Return what was said.

    Raises:
        Fault: it is not what a command may say.
    """
    where = shown(said.words)
    if "Traceback (most recent" in said.err:
        raise Fault(f"{where}: traceback: {said.err.strip().splitlines()[-1][:300]}")
    if said.code not in expect:
        raise Fault(f"{where}: exit code {said.code}, expected {expect}: {said.err.strip()[-300:]}")
    if found := RAW.search(said.out) or RAW.search(re.sub("^\r", "", said.err, flags=re.MULTILINE)):
        raise Fault(f"{where}: raw {found[0]!r} on the terminal")
    errors = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    if said.code and len(errors) != 1 and said.words[:1] not in ((), ("check",)):
        raise Fault(f"{where}: exit code {said.code} with {len(errors)} errors: {said.err.strip()[-300:]!r}")
    if errors and len(errors[0]) > 3_000:
        raise Fault(f"{where}: an error of {len(errors[0])} characters: {errors[0][:100]}")
    return said


def shown(words: Sequence[str]) -> str:
    """Return a command for a report, on one line and not too long."""
    short = [word if len(word) < 80 else f"{word[:60]}…({len(word)})" for word in words]
    return ascii("alkit " + " ".join(short))[1:-1]


def peak_mb() -> float:
    """Return the resident memory of this process in MB, 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0.0
