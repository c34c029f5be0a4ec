"""Measure, on photos as people have them, what `usable(...)` and groups of near-duplicates save.

    python benchmarks/imperfect_photos.py unusable --photos clothes/train --test clothes/test --out bad
    python benchmarks/imperfect_photos.py copies --photos clothes/train --test clothes/test --out bursts

`unusable` replaces 15 % of 1,500 photos by blank, blurred, noisy or foreign images, which people would call
unusable, and counts such answers with and without `usable(...)`. `copies` makes bursts of 375 photos: each
has up to five followers that are cropped and brightened a little, and a follower is of another class with a
chance of `--wrong`, as when something else comes into view. It compares campaigns of equally many answers
with and without groups. Both write `images/` and `answers.csv`, and print a line for each campaign.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import alkit
from alkit import Campaign
from alkit.campaign.analysis import gather
from alkit.campaign.analysis.avoided import avoided
from alkit.errors import UsageError

SIZE = 1_500  # photos that are taken
BAD = 0.15
UNUSABLE = "unusable"
CYCLES, N = 5, 60
COMPONENTS = 64  # of the features, for the model and for `usable`


def main() -> None:
    """Prepare the photos and run the campaigns."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("kind", choices=("unusable", "copies"))
    parser.add_argument("--photos", type=Path, required=True, help="one folder for each class")
    parser.add_argument("--test", type=Path, required=True, help="likewise")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--wrong", type=float, default=0.02)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if not (given.out / "answers.csv").exists():
        prepare(given.kind, given.photos, given.out, given.wrong)
    base = given.out / "campaign"
    if not base.exists():
        alkit.create(
            base,
            str(given.out / "images"),
            task="encoded",
            task_options={"encoder": "efficientnet-lite0"},
            classes=sorted(path.name for path in given.photos.iterdir()),
            test=str(given.test),
            oracle="file",
            oracle_options={"path": str(given.out / "answers.csv")},
        ).close()
    with Campaign(base, device="cpu") as campaign:  # features once, for all that is copied from it
        campaign.resources.encoded_images(campaign.state)
        campaign.resources.test_images(campaign.ledger, campaign.state)
    measure = {"unusable": measure_unusable, "copies": measure_copies}[given.kind]
    for seed in range(given.seeds):
        measure(base, given.out, seed)


def measure_unusable(base: Path, out: Path, seed: int) -> None:
    """Ask a strategy as it is and inside `usable`; the model is a logistic regression on features."""
    for strategy in ("margin", "usable(margin)"):
        with _opened(base, out, seed) as campaign:
            pool = np.array(campaign.resources.encoded_images(campaign.state).features)
            reduce = PCA(COMPONENTS, random_state=0).fit(pool)
            features = reduce.transform(pool)
            oracle, said = campaign.oracle(), {}
            campaign.ask(N, strategy="random")
            campaign.consult(oracle)
            for _ in range(CYCLES):
                model = _fitted(features, campaign)
                said = {
                    "strategy": strategy,
                    "embeddings": features,
                    "predictions": model.predict_proba(features),
                    "prediction_classes": list(model.classes_),
                }
                campaign.ask(N, **said)
                campaign.consult(oracle)
            test = campaign.resources.test_images(campaign.ledger, campaign.state)
            rows = reduce.transform(np.array(test.images.features)[test.indices])
            found = avoided(campaign.queries, campaign.classes)
            said = {
                "seed": seed,
                "strategy": strategy,
                "answers": len(campaign.pool.labeled) + len(campaign.pool.no_label),
                "without label": len(campaign.pool.no_label),
                "accuracy": round(_fitted(features, campaign).score(rows, test.values), 3),
                "saved": found and found.as_dict(),
            }
            print(json.dumps(said), flush=True)


def _fitted(features: np.ndarray, campaign: Campaign) -> LogisticRegression:
    return LogisticRegression(max_iter=300).fit(features[campaign.pool.labeled], campaign.pool.values)


def measure_copies(base: Path, out: Path, seed: int) -> None:
    """Answer equally many images with and without groups; copy labels after each query if that is allowed."""
    with open(out / "answers.csv", encoding="utf-8") as file:
        answers = dict(csv.reader(file))
    for grouped in (False, True):
        with _opened(base, out, seed) as campaign:
            oracle, said = campaign.oracle(), {}
            if grouped:
                campaign.find_groups(audit=0.3, limit=0.1)
            for _ in range(CYCLES):
                campaign.ask(N, strategy="margin")
                campaign.consult(oracle)
                if grouped:
                    with contextlib.suppress(UsageError):
                        campaign.copy_labels()
            campaign.train()
            keys, labels, copied = campaign.state.keys, campaign.labels(), campaign.pool.copied
            if grouped:
                wrong = sum(labels[keys[i]] != answers[f"images/{keys[i]}"] for i in copied)
                said = {"wrong copies": wrong, **campaign.groups().as_dict()}
            said = {
                "seed": seed,
                "groups": grouped,
                "answers": len(campaign.pool.labeled) - len(copied),
                "copied": len(copied),
                "accuracy": round(gather(campaign).curve[-1].accuracy.value, 3),
                "report": said,
            }
            print(json.dumps(said), flush=True)


def _opened(base: Path, out: Path, seed: int) -> Campaign:
    """Return a copy of a campaign, with another seed."""
    folder = Path(tempfile.mkdtemp(dir=out)) / "campaign"
    shutil.copytree(base, folder)
    settings = folder / "campaign.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"(?m)^seed = .*$", f"seed = {seed}", text), encoding="utf-8")
    return Campaign(folder, device="cpu")


def prepare(kind: str, photos: Path, out: Path, wrong: float) -> None:
    """Write the images and their answers."""
    rng = np.random.default_rng(0)
    files = sorted(photos.glob("*/*.jpg"))
    chosen = [files[place] for place in rng.permutation(len(files))[:SIZE]]
    (out / "images").mkdir(parents=True, exist_ok=True)
    if kind == "unusable":
        rows = bad_photos(chosen, out, rng)
    else:
        rows = bursts(chosen[: SIZE // 4], out, rng, wrong)
    with open(out / "answers.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "label"), *rows])


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
