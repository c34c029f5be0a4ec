"""Write two manifests, `train.csv` and `test.csv`, as pools for `alkit bench`.

    python benchmarks/split.py FOLDER --test 1000 --out split/
    python benchmarks/split.py FOLDER --each 600 200 --out subset/

The first splits anew, so that there are enough images to test on: all images below FOLDER are pooled,
of FOLDER/CLASS or of FOLDER/train/CLASS and FOLDER/test/CLASS; exact copies stay together. The second draws
that many images of each class from FOLDER/train/CLASS and from FOLDER/test/CLASS.
"""

from __future__ import annotations

import argparse
import hashlib
import random
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
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--test", type=int, metavar="N", help="split anew, with N test images")
    how.add_argument(
        "--each", type=int, nargs=2, metavar=("TRAIN", "TEST"), help="draw so many of each class"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("split"))
    given = parser.parse_args()
    if given.each:
        train, test = drawn(given.folder, given.each, given.seed)
    else:
        train, test = split(given.folder, given.test, given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, part in (("test", test), ("train", train)):
        rows = [(file.absolute(), file.parent.name) for file in part]
        write_table(given.out / f"{name}.csv", ("image", "label"), rows)
        print(f"{given.out / name}.csv: {len(rows):,} images")


def images_below(folder: Path) -> list[Path]:
    """Return the image files below a folder, in order of path."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)


def split(folder: Path, test: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Pool all images and split them; of exact copies, one is kept."""
    first: dict[str, Path] = {}
    for file in images_below(folder):
        first.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), file)
    kept = sorted(first.values())
    order = np.random.default_rng(seed).permutation(len(kept)).tolist()
    return [kept[i] for i in sorted(order[test:])], [kept[i] for i in sorted(order[:test])]


def drawn(folder: Path, each: tuple[int, int], seed: int) -> tuple[list[Path], list[Path]]:
    """Draw images of each class from the two parts of a folder, class by class."""
    rng = random.Random(seed)
    train, test = (
        [
            file
            for group in sorted((folder / part).iterdir())
            if group.is_dir()
            for file in rng.sample(images_below(group), count)
        ]
        for part, count in zip(("train", "test"), each, strict=True)
    )
    return train, test


if __name__ == "__main__":
    main()
