"""A campaign of faults: kills, damaged files, odd images and wrong calls, and what must hold after each.

    python benchmarks/faults.py --minutes 10 --seed 0
    python benchmarks/faults.py --only mutations
    python benchmarks/faults.py --seed 0 --only mutations:17

A traceback, a hang, a lost recorded answer, an exit code that the documentation does not name, an error of
more than one sentence, or an escape sequence that reaches the terminal is a failure. Each trial has a number,
and all of its chances come from the seed and that number, so a failure can be repeated by itself. Kinds take
turns by the time that they have had.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fault_campaign import calls, files, kills, mutations, pictures
from fault_campaign.trial import MOST_MB, Fault, Hang, peak_mb
from fault_campaign.world import World

Attempt = Callable[[World, int, Random], str]


@dataclass
class Kind:
    """One kind of fault: how it is tried, its share of the time, and what came of it."""

    name: str
    attempt: Attempt
    share: float
    variants: int
    tried: int = 0
    seconds: float = 0.0
    failures: list[tuple[int, str]] = field(default_factory=list)

    def once(self, world: World, seed: int, number: int) -> None:
        """Make one trial."""
        started = time.monotonic()
        try:
            self.attempt(world, number, Random(f"{seed}:{self.name}:{number}"))
            if (used := peak_mb()) > MOST_MB:
                raise Fault(f"the process has {used:,.0f} MB")
        except Fault as fault:
            self.failures.append((number, str(fault)))
        except (Exception, Hang) as error:
            self.failures.append((number, f"the trial itself: {type(error).__name__}: {error}"))
        self.tried += 1
        self.seconds += time.monotonic() - started


def kinds() -> list[Kind]:
    """Return all kinds."""
    return [
        Kind("mutations", mutations.attempt, 0.25, len(mutations.ALL)),
        Kind("images", pictures.attempt, 0.25, len(pictures.ALL)),
        Kind("files", files.attempt, 0.2, len(files.ALL)),
        Kind("kills", kills.attempt, 0.3, len(kills.ALL)),
        Kind("calls", calls.attempt, 0.25, len(calls.COMMANDS)),
    ]


def campaign(minutes: float, seed: int, chosen: list[Kind], first: int = 0, *, once: bool = False) -> None:
    """Try kinds in turn for a time."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="alkit-faults-") as folder, _inside(Path(folder)):
        world = World(Path(folder))
        ends = time.monotonic() + 60 * minutes
        while True:
            kind = min(chosen, key=lambda kind: kind.seconds / kind.share)
            kind.once(world, seed, first + kind.tried)
            if once or time.monotonic() > ends:
                return


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def main() -> int:
    """Run the campaign, print its table, and return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="KIND[:NUMBER]", help="one kind, or one trial of it")
    given = parser.parse_args()
    name, _, number = (given.only or "").partition(":")
    chosen = [kind for kind in kinds() if name in ("", kind.name)]
    campaign(given.minutes, given.seed, chosen, int(number or 0), once=bool(number))
    print(f"{'kind':<12}{'variants':>10}{'tried':>8}{'failed':>8}{'seconds':>9}")
    for kind in chosen:
        print(
            f"{kind.name:<12}{kind.variants:>10,}{kind.tried:>8,}{len(kind.failures):>8,}{kind.seconds:>9.0f}"
        )
    for kind in chosen:
        for number_failed, reason in kind.failures:
            again = f"python benchmarks/faults.py --seed {given.seed} --only {kind.name}:{number_failed}"
            print(ascii(f"{kind.name} {number_failed}: {reason}")[1:-1], f"({again})", sep="\n    ")
    return int(any(kind.failures for kind in chosen))


if __name__ == "__main__":
    sys.exit(main())
