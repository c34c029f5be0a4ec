"""`alkit train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Alkit = Callable[..., Any]


def test_it_trains_once(alkit: Alkit, labeled: Path) -> None:
    said = alkit("train", "-c", labeled)
    assert "trained        on 12 labels\n" in said.out
    assert "no test images" in said.out
    checkpoint = Path(said.out.split("checkpoint")[1].strip())
    assert checkpoint.exists()
    assert "trained        on 12 labels (already done)" in alkit("train", "-c", labeled).out


def test_it_judges_on_test_images(alkit: Alkit, here: Path, pictures: Path) -> None:
    (here / "known.csv").write_text(
        "image,label\n"
        + "".join(f"{c}/{n:02d}.png,{c}\n" for c in ("red", "blue", "green") for n in range(8))
    )
    alkit("init", "camp", "--pool", pictures, "--test", pictures, "--labels", "known.csv", "-t", "epochs=12")
    record = alkit("train", "-c", "camp", "--json", "-q", "--device", "cpu").json
    assert record["labels"] == 24
    assert record["metrics"]["accuracy"] > 0.8
    assert "test accuracy" in alkit("train", "-c", "camp").out


def test_without_labels_it_says_where_to_begin(alkit_ends: Alkit, campaign: Path) -> None:
    said = alkit_ends("train", "-c", campaign)
    assert said.code == 1
    assert said.error == "nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'"
