"""What the masks cost that each strategy asked for: labeled pixels, and the length of outlines.

    python benchmarks/mask_costs.py results/segmentation --masks camvid/train/masks --void 11

Who draws a mask follows its outlines, so their length says more about the work than the number of pixels. It
is the number of neighboring pixels, side by side or one above the other, of different numbers.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import common
import numpy as np
from PIL import Image

from alkit.bench import records


def cost_of(path: Path, void: int) -> tuple[int, int]:
    """Return the labeled pixels of a mask and the length of its outlines."""
    with Image.open(path) as image:
        mask = np.asarray(image)
    outlines = (mask[:, 1:] != mask[:, :-1]).sum() + (mask[1:] != mask[:-1]).sum()
    return int((mask != void).sum()), int(outlines)


def main() -> None:
    """Print the table."""
    given = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given.add_argument("results", type=Path, help="results of a suite")
    given.add_argument("--masks", type=Path, required=True, help="folder of the pool's masks")
    given.add_argument("--void", type=int, default=255, help="number of pixels without a label")
    given.add_argument("--out", type=Path, help="path of the table, without .md")
    options = given.parse_args()
    costs = [cost_of(path, options.void) for path in sorted(options.masks.iterdir())]
    picked: dict[str, list[int]] = {}
    for record in records.cycles_of(records.read_all(options.results)):
        picked.setdefault(record["strategy"], []).extend(record["picks"])
    lines = [
        "# What the picked masks cost, a mean per image",
        "",
        "| strategy | labeled pixels | length of outlines |",
        "|---|---|---|",
    ]
    for name in sorted(picked):
        pixels, outlines = zip(*(costs[index] for index in picked[name]), strict=True)
        lines.append(f"| {name} | {statistics.mean(pixels):,.0f} | {statistics.mean(outlines):,.0f} |")
    lines += ["", *(f"- {key}: {value}" for key, value in common.source().items())]
    print("\n".join(lines))
    if options.out:
        options.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
