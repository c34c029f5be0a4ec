"""Does a change of the code leave what it computes as it was? Picks, scores and metrics, bit by bit.

    python benchmarks/unchanged.py ../alkit-before --cifar ./cifar-2000

runs the same small campaigns with the code of two checkouts, side by side, one thread each: every built-in
strategy on the digits, as a campaign and in a benchmark suite, and six on a folder of images. All that is
recorded of a query or a training, apart from times and wording, has to be identical. Runs on Linux and macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parent))
import common
from comparison.cases import DIGITS
from comparison.checkout import Checkout, CheckoutError
from comparison.compare import Both, Row, compare, shared_cases
from comparison.runs import Run, all_runs

HERE = Path(__file__).parents[1]
EXAMPLES = """\
examples:
  git worktree add ../alkit-before main
  python benchmarks/unchanged.py ../alkit-before
  python benchmarks/unchanged.py ../alkit-before --cifar ./cifar-2000 --json > unchanged.json
  python benchmarks/unchanged.py ../alkit-before --only entropy ta-vaal --keep ./campaigns
"""
PARTS = ("digits", "bench", "cifar")
COLUMNS = ("strategy", "seed", "cycle 0", "1", "2", "3")


def main() -> None:
    given = parse()
    rows: list[Row] = []
    seconds: dict[str, int] = {}
    try:
        with checkouts(given) as both:
            commits = [checkout.commit() for checkout in both]
            cases = shared_cases(both)
            cifar = None if given.cifar is None else str(given.cifar.resolve())
            for part, runs in all_runs(cases, cifar, given.only).items():
                if part not in given.parts:
                    continue
                started = time.perf_counter()
                rows += show_part(part, runs, both, sys.stderr if given.json else sys.stdout)
                seconds[part] = round(time.perf_counter() - started)
    except CheckoutError as error:
        sys.exit(f"Error: {error}")
    source = {
        **common.source(),
        "threads": "1",
        "old": f"{given.old} ({commits[0]})",
        "new": f"{given.new} ({commits[1]})",
        "seconds": ", ".join(f"{name} {taken}" for name, taken in seconds.items()),
        "cifar": str(given.cifar or "left out; name a folder of images with --cifar"),
    }
    finish(rows, source, as_json=given.json)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, metavar="OLD", help="checkout of the code before the change")
    parser.add_argument("new", type=Path, metavar="NEW", nargs="?", default=HERE, help="after it [this one]")
    parser.add_argument("--cifar", type=Path, metavar="DIR", help="images: DIR/train/CLASS/, DIR/test/CLASS/")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these parts")
    parser.add_argument("--only", nargs="+", metavar="STRATEGY", help="only these strategies")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the campaigns in DIR/old and DIR/new")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = parser.parse_args()
    if given.cifar is not None and not ((given.cifar / "train").is_dir() and (given.cifar / "test").is_dir()):
        parser.error(f"{given.cifar} has no folders train and test")
    if given.keep is not None and given.keep.exists():
        parser.error(f"{given.keep} exists; name a new folder")
    if given.only is not None and not any(case.among(given.only) for case in DIGITS):
        parser.error(f"none of {', '.join(case.name for case in DIGITS)} is called {' or '.join(given.only)}")
    return given


@contextlib.contextmanager
def checkouts(given: argparse.Namespace) -> Iterator[Both]:
    """Give the two checkouts a place to work, until they are not needed any more."""
    with contextlib.ExitStack() as stack:
        place = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unchanged-")))
        old, new = (
            Checkout(path, place.resolve() / name) for name, path in (("old", given.old), ("new", given.new))
        )
        for checkout in (old, new):
            stack.callback(checkout.close)
        yield old, new


def show_part(part: str, runs: Sequence[Run], both: Both, out: TextIO) -> list[Row]:
    """Compare one run after another, and print a line for each strategy and seed."""
    rows: list[Row] = []
    print(f"\n## {part}\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", file=out, flush=True)
    for run in runs:
        found = compare(part, run, both)
        for (name, seed), cycles in groupby(found, key=lambda row: (row.strategy, row.seed)):
            cells = ["differs" if row.differences else "identical" for row in cycles]
            print(f"| {' | '.join([name, str(seed), *cells])} |", file=out, flush=True)
        rows += found
    return rows


def finish(rows: Sequence[Row], source: dict[str, str], *, as_json: bool) -> None:
    """Print what differs and where the result comes from; exit with 1 if anything differs."""
    changed = [row for row in rows if row.differences]
    if as_json:
        print(json.dumps({**source, "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        print()
        for row in changed:
            print(f"{row.part}, {row.strategy}, seed {row.seed}, cycle {row.cycle}:")
            print("".join(f"  {said}\n" for said in row.differences), end="")
        print(f"{len(rows) - len(changed)} of {len(rows)} cycles are identical\n")
        print("\n".join(f"- {key}: {value}" for key, value in source.items()))
    sys.exit(1 if changed or not rows else 0)


if __name__ == "__main__":
    main()
