"""Make `older-campaigns.zip`: two campaigns as commit d0e008a made them, and what it said of them.

    git worktree add ../older d0e008a
    cd ../older && python -m venv .venv && .venv/bin/pip install . && cd -
    ../older/.venv/bin/python tests/scenarios/data/make_older_campaign.py

Together they hold events of all kinds. Checkpoints, caches and contact sheets are left out, since alkit makes
them again. `@FOLDER@` stands for the folder that everything is in.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alkit import Campaign

HERE = Path(__file__).parent
ZIP = HERE / "older-campaigns.zip"
COLORS = ("blue", "green", "red")
KEPT = ("campaign.toml", "campaign.db", "states/*", "queries/*.csv")
CHOOSER = ("-s", "mix(counting, entropy)")


def main() -> None:
    sys.path.append(str(HERE / "plugin"))
    os.environ["PYTHONPATH"] = str(HERE / "plugin")
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        paint(Path("photos"), range(12), seed=1)
        paint(Path("test"), range(4), seed=2)
        shutil.copy("photos/blue/03.png", "photos/blue/copy-of-03.png")
        Path("photos/green/broken.png").write_bytes(b"no image")
        people()
        simulated()
        said = {name: what_is_said(name) for name in ("people", "simulated")}
        said["people"]["then"] = going_on()
        pack(Path(place), said)


def paint(folder: Path, numbers: range, *, seed: int) -> None:
    """Paint FOLDER/COLOR/NUMBER.png, 12 x 12."""
    rng = np.random.default_rng(seed)
    for channel, color in enumerate(reversed(COLORS)):
        (folder / color).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            pixels = rng.integers(0, 90, (12, 12, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(folder / color / f"{number:02d}.png")


def alkit(*words: str) -> Any:
    """Run a command; return its JSON if it was asked for."""
    done = subprocess.run(
        [sys.executable, "-m", "alkit", *words], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout) if "--json" in words else None


def people() -> None:
    """Two people label: they differ, correct, take back; images come and go; a query is withdrawn."""
    here = ("-c", "people")
    known = [f"{color}/{number:02d}.png,{color}" for color in COLORS for number in range(2)]
    Path("known.csv").write_text("\n".join(["image,label", *known]) + "\n")
    made = ("--pool", "photos", "--test", "test", "--labels", "known.csv", "--seed", "7", "-t", "epochs=2")
    alkit("init", "people", *made, *CHOOSER)
    first = alkit("query", *here, "-n", "10", "--control", "0.2", "--json")
    asked = listed(first)
    ada = {image: image.split("/")[0] for image in asked} | {asked[0]: "abstain", asked[1]: "unusable"}
    ben = {image: ada[image] for image in asked[2:8]} | {asked[2]: "red", asked[3]: "blue", asked[4]: "green"}
    tell("people", "ada", ada, cost=1.5)
    tell("people", "ben", ben)
    with Campaign("people") as campaign:
        keys = campaign.state.keys
        campaign.take_back(keys.index(asked[3]), "ben")
    tell("people", "ada", {asked[5]: "green"})
    alkit("ingest", *here, "--aggregate", "majority")
    alkit("train", *here)
    paint(Path("photos"), range(12, 13), seed=3)
    alkit("update", *here)
    shutil.rmtree("people/cache")
    Path("photos/green/07.png").rename("07.png")
    Path("photos/green/08.png").unlink()
    again = alkit("query", *here, "-s", "disputed", "-n", "1", "--json")
    tell("people", "cy", {listed(again)[0]: "red"})
    Path("07.png").rename("photos/green/07.png")
    alkit("update", *here)
    alkit("query", *here, "-s", "coreset", "-n", "5", "--json")
    last = alkit("query", *here, "-n", "10", "--control", "0.2", "--new", "--json")
    tell("people", "ada", {image: image.split("/")[0] for image in listed(last)[:6]})


def listed(query: dict[str, Any]) -> list[str]:
    with open(query["list"], newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def tell(campaign: str, annotator: str, answers: dict[str, str], cost: float | None = None) -> None:
    lines = [f"{image},{label},{'' if cost is None else cost}" for image, label in answers.items()]
    Path(f"{annotator}.csv").write_text("\n".join(["image,label,cost", *lines]) + "\n")
    alkit("ingest", "-c", campaign, f"{annotator}.csv", "--annotator", annotator)


def simulated() -> None:
    """A run with an oracle that leaves some images out, ended by a rule."""
    lines = [
        f"{color}/{number:02d}.png,{color}"
        for color in COLORS
        for number in range(13)
        if number % 5 or number == 0
    ]
    Path("answers.csv").write_text("\n".join(["image,label", *lines]) + "\n")
    made = ("--pool", "photos", "--test", "test", "--oracle", "file", "--oracle-option", "path=answers.csv")
    alkit(
        "init", "simulated", *made, "--seed", "8", "-t", "epochs=2", "-s", "learning-loss", "-o", "hidden=4"
    )
    how = ("-n", "6", "--cycles", "3", "--oracle", "file", "--oracle-option", "path=answers.csv")
    alkit("run", "-c", "simulated", *how, "-s", "learning-loss", "-o", "hidden=4", "--stop", "budget=12")


def what_is_said(name: str) -> dict[str, Any]:
    """Return state, queries and labels of a campaign, as the code that made it sees them."""
    status = alkit("status", "-c", name, "--images", "--json")
    with Campaign(name) as campaign:
        return {
            "status": status,
            "queries": [asdict(query) for query in campaign.queries],
            "labels": dict(zip(campaign.pool.labeled.tolist(), campaign.pool.values, strict=True)),
        }


def going_on() -> dict[str, Any]:
    """Return what comes next, asked in a copy of the campaign of people."""
    shutil.copytree("people", "copy")
    drawn = alkit("query", "-c", "copy", "-n", "4", "-s", "random", "--new", "--json")
    remembering = alkit("query", "-c", "copy", "-n", "4", "--control", "0", "--new", "--json")
    return {"random": drawn["picks"], "diagnostics": remembering["diagnostics"]}


def pack(place: Path, said: dict[str, Any]) -> None:
    def portable(text: str) -> str:
        return text.replace(str(place.resolve()), "@FOLDER@")

    files = [file for name in ("photos", "test") for file in sorted(Path(name).rglob("*.png"))]
    files += [
        file for name in ("people", "simulated") for kept in KEPT for file in sorted(Path(name).glob(kept))
    ]
    with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in (*files, Path("answers.csv")):
            content = file.read_bytes()
            if file.suffix == ".toml":
                content = portable(content.decode()).encode()
            archive.writestr(file.as_posix(), content)
        archive.writestr("said.json", portable(json.dumps(said, indent=1)))


if __name__ == "__main__":
    main()
