"""Make labels of two other kinds out of masks: which classes an image has, and how much each one covers.

    python benchmarks/labels_of_masks.py camvid/train --void 11 --out scenes/train \\
      --classes sky,building,pole,road,pavement,tree,sign,fence,car,pedestrian,bicyclist \\
      --sets pole,tree,sign,fence,car,pedestrian,bicyclist --shares sky,building,road,car

The folder holds `images` and `masks`. `scenes/train-sets.csv` has those classes of `--sets` with at least
`--pixels` pixels, and `scenes/train-shares.csv` the percentage of the labeled pixels that each class of
`--shares` covers. Both are pools for `alkit bench`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from alkit.labeling import write_table


def main() -> None:
    """Write both tables, and print how many images each class applies to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", required=True, help="names, in the order of their numbers")
    parser.add_argument("--sets", required=True, help="names of the classes of the sets")
    parser.add_argument("--shares", required=True, help="names of the classes whose shares are wanted")
    parser.add_argument("--void", type=int, default=255, help="number of pixels without a label")
    parser.add_argument("--pixels", type=int, default=200, help="fewest pixels of a class that applies")
    parser.add_argument("--out", type=Path, required=True, help="path of the tables, without -sets.csv")
    given = parser.parse_args()
    classes = given.classes.split(",")
    of_sets, of_shares = (
        [classes.index(name) for name in names.split(",")] for names in (given.sets, given.shares)
    )
    sets, numbers, applies = [], [], Counter[str]()
    for image in sorted((given.folder / "images").iterdir()):
        counts = pixels_of(given.folder / "masks" / f"{image.stem}.png", len(classes), given.void)
        named = [classes[number] for number in of_sets if counts[number] >= given.pixels]
        applies.update(named)
        sets.append((image.absolute(), ";".join(named) or "none"))
        percent = 100 * counts[of_shares] / counts.sum()
        numbers.append((image.absolute(), ";".join(f"{one:.3f}" for one in percent)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for kind, rows in (("sets", sets), ("shares", numbers)):
        path = given.out.with_name(f"{given.out.name}-{kind}.csv")
        write_table(path, ("image", "label"), rows)
        print(f"{path}: {len(rows):,} images")
    print(", ".join(f"{name} {applies[name]}" for name in given.sets.split(",")))


def pixels_of(path: Path, classes: int, void: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the number of pixels of each class, [classes]."""
    with Image.open(path) as image:
        mask = np.asarray(image)
    return np.bincount(mask[mask != void], minlength=classes)[:classes]


if __name__ == "__main__":
    main()
