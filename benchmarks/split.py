"""Split a folder of classes anew into two manifests, so that there are enough images to test on.

    python benchmarks/split.py FOLDER --test 1000 --out split/

All images below FOLDER (FOLDER/CLASS/*.jpg, or FOLDER/train and FOLDER/test with classes inside) are pooled;
exact copies stay together. `split/train.csv` and `split/test.csv` are pools for `alkit bench`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from alkit.data.sources.files import SUFFIXES
from alkit.labeling import write_table


def main() -> None:
    """Write the two manifests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", type=int, default=1000, help="test images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("split"))
    given = parser.parse_args()
    files = sorted(file for file in given.folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    first: dict[str, Path] = {}
    for file in files:
        first.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), file)
    kept = sorted(first.values())
    order = np.random.default_rng(given.seed).permutation(len(kept))
    given.out.mkdir(parents=True, exist_ok=True)
    for name, part in (("test", order[: given.test]), ("train", order[given.test :])):
        rows = [(kept[i].absolute(), kept[i].parent.name) for i in sorted(part.tolist())]
        write_table(given.out / f"{name}.csv", ("image", "label"), rows)
        print(f"{given.out / name}.csv: {len(rows):,} images")


if __name__ == "__main__":
    main()
