"""Prepare photos as people have them: some that nobody can label, or many that are nearly the same.

    python benchmarks/imperfect_photos.py unusable --photos clothes/train --out bad
    python benchmarks/imperfect_photos.py copies --photos clothes/train --out bursts

Each writes a folder of images and `answers.csv`, which the oracle `file` answers with. `unusable` replaces
15 % of the photos by blank, blurred or foreign images and answers `unusable` to them. `copies` makes bursts:
every photo has up to five followers that are cropped, brightened and compressed a little, and a follower has
the label of another class with a chance of `--wrong`, as frames have when something else comes into view.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

SIZE = 1_500  # photos that are taken
BAD = 0.15
UNUSABLE = "unusable"


def main() -> None:
    """Prepare one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("unusable", "copies"))
    parser.add_argument("--photos", type=Path, required=True, help="one folder for each class")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wrong", type=float, default=0.02)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    files = sorted(given.photos.glob("*/*.jpg"))
    chosen = [files[place] for place in rng.permutation(len(files))[:SIZE]]
    (given.out / "images").mkdir(parents=True)
    rows = (
        bad_photos(chosen, given.out, rng)
        if given.kind == "unusable"
        else bursts(chosen[: SIZE // 4], given.out, rng, given.wrong)
    )
    with open(given.out / "answers.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    print(f"{len(rows):,} images in {given.out / 'images'}, answers in {given.out / 'answers.csv'}")


def bad_photos(files: list[Path], out: Path, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Copy photos, some of them ruined."""
    rows, digits = [], load_digits().images
    for number, path in enumerate(files):
        photo, label = Image.open(path).convert("RGB"), path.parent.name
        if rng.random() < BAD:
            photo, label = ruined(photo, digits[rng.integers(len(digits))], rng), UNUSABLE
        name = f"{number:04d}.jpg"
        photo.save(out / "images" / name, quality=90)
        rows.append((f"images/{name}", label))
    return rows


def ruined(photo: Image.Image, digit: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Return what is left of a photo: nearly nothing, a blur, a digit, or noise."""
    kind, shape = rng.integers(4), (photo.height, photo.width, 3)
    if kind == 0:
        values = rng.integers(256) + rng.normal(0, 4, shape)
    elif kind == 1:
        return photo.filter(ImageFilter.GaussianBlur(max(photo.size) / 10))
    elif kind == 2:
        return Image.fromarray((digit * 15.9).astype(np.uint8)).resize(photo.size).convert("RGB")
    else:
        values = 0.3 * np.asarray(photo) + rng.normal(90, 80, shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def bursts(files: list[Path], out: Path, rng: np.random.Generator, wrong: float) -> list[tuple[str, str]]:
    """Write each photo and up to five followers."""
    rows = []
    classes = sorted({path.parent.name for path in files})
    for number, path in enumerate(files):
        photo, label = Image.open(path).convert("RGB"), path.parent.name
        for frame in range(1 + rng.integers(6)):
            name, said = f"{number:04d}-{frame}.jpg", label
            if frame:
                photo = moved(photo, rng)
                if rng.random() < wrong:
                    said = str(rng.choice([other for other in classes if other != label]))
            photo.save(out / "images" / name, quality=int(rng.integers(70, 95)))
            rows.append((f"images/{name}", said))
    return rows


def moved(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a photo that was taken a moment later: cropped by up to 4 %, a little brighter or darker."""
    width, height = photo.size
    left, top, right, bottom = rng.uniform(0, 0.04, 4)
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    part = np.asarray(photo.resize(photo.size, box=box), dtype=np.float64) * rng.uniform(0.93, 1.07)
    return Image.fromarray(np.clip(part, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
