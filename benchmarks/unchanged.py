"""Does a change of the code leave what it computes as it was? Picks, scores and metrics, bit by bit.

    python benchmarks/unchanged.py ../alkit-before --cifar ./cifar-2000

runs the same small campaigns with the code of two checkouts, side by side, one thread each: every built-in
strategy on the digits, and six on a folder of images. What a campaign records of a query or a training has to
be identical. Runs on Linux and macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import common
from unchanged_cases import DIGITS, SEEDS, Case, Part, Script, parts, script
from unchanged_checkout import Checkout, CheckoutError
from unchanged_records import differences, read

HERE = Path(__file__).parents[1]
EXAMPLES = """\
examples:
  git worktree add ../alkit-before main
  python benchmarks/unchanged.py ../alkit-before
  python benchmarks/unchanged.py ../alkit-before --cifar ./cifar-2000 --json > unchanged.json
  python benchmarks/unchanged.py ../alkit-before --only entropy ta-vaal --keep ./campaigns
"""
COLUMNS = ("strategy", "seed", "cycle 0", "1", "2", "3")

Both = tuple[Checkout, Checkout]


@dataclass(frozen=True, slots=True)
class Row:
    """One cycle of a campaign, and all that differs in it; nothing does if it is identical."""

    part: str
    strategy: str
    seed: int
    cycle: int
    differences: list[str]


def main() -> None:
    given = parse()
    rows: list[Row] = []
    seconds: dict[str, int] = {}
    try:
        with checkouts(given) as both:
            commits = [checkout.commit() for checkout in both]
            check_all_there(both)
            for part in parts(given.cifar and str(given.cifar.resolve())):
                started = time.perf_counter()
                rows += compare(part, given, both)
                seconds[part.name] = round(time.perf_counter() - started)
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
    parser.add_argument("--only", nargs="+", metavar="STRATEGY", help="only these strategies")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the campaigns in DIR/old and DIR/new")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = parser.parse_args()
    if given.cifar is not None and not ((given.cifar / "train").is_dir() and (given.cifar / "test").is_dir()):
        parser.error(f"{given.cifar} has no folders train and test")
    if given.keep is not None and given.keep.exists():
        parser.error(f"{given.keep} exists; name a new folder")
    if unknown := set(given.only or ()).difference(case.strategy for case in DIGITS):
        parser.error(f"nothing is compared of {', '.join(sorted(unknown))}")
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


def check_all_there(both: Both) -> None:
    """Refuse to leave a built-in strategy out.

    Raises:
        CheckoutError: a checkout has one of which nothing is compared.
    """
    known = {case.strategy for case in DIGITS}
    for checkout in both:
        if missing := checkout.strategies() - known:
            raise CheckoutError(
                f"{checkout.path} has strategies of which nothing is compared: {', '.join(sorted(missing))}; "
                "add them to unchanged_cases.py"
            )


def compare(part: Part, given: argparse.Namespace, both: Both) -> list[Row]:
    """Run and compare the campaigns of a part, and print a line for each unless JSON is wanted."""
    rows: list[Row] = []
    out = sys.stderr if given.json else sys.stdout
    print(f"\n## {part.name}\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", file=out, flush=True)
    for case in part.cases:
        for seed in SEEDS if given.only is None or case.strategy in given.only else ():
            found = campaign(part, case, seed, both)
            cells = ["differs" if row.differences else "identical" for row in found]
            print(f"| {' | '.join([case.name, str(seed), *cells])} |", file=out, flush=True)
            rows += found
    return rows


def campaign(part: Part, case: Case, seed: int, both: Both) -> list[Row]:
    """Run one campaign by both checkouts at the same time, and compare cycle by cycle."""
    commands = script(part, case, seed)
    with ThreadPoolExecutor(len(both)) as threads:
        results = list(threads.map(lambda checkout: carry_out(commands, checkout), both))
    failures = [
        f"{name}: {said}" for name, said in zip(("old", "new"), results, strict=True) if isinstance(said, str)
    ]
    if failures:
        return [Row(part.name, case.name, seed, 0, failures)]
    old, new = results
    return [
        Row(part.name, case.name, seed, cycle, differences(old.get(cycle, {}), new.get(cycle, {})))
        for cycle in sorted({*old, *new})
    ]


def carry_out(commands: Script, checkout: Checkout) -> Any:
    """Return what a campaign recorded by cycle, or in words why it failed."""
    for name, text in commands.files.items():
        (checkout.workplace / name).write_text(text)
    try:
        for words in commands.commands:
            checkout.alkit(words)
    except CheckoutError as error:
        return str(error)
    return read(checkout.workplace / commands.directory)


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
