"""`alkit groups`, and what it changes in queries, reports and exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Alkit = Callable[..., Any]


@pytest.fixture
def bursts(here: Path, alkit: Alkit) -> Path:
    """A campaign on bursts of noise, the first image of each labeled."""
    rng = np.random.default_rng(0)
    for burst in range(12):
        folder, scene = here / "photos" / "ab"[burst % 2], rng.integers(0, 200, (8, 8, 3))
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(5):
            pixels = (scene + rng.integers(0, 9, scene.shape)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{burst:02d}-{frame}.png")
    known = [f"{'ab'[burst % 2]}/{burst:02d}-0.png,{'ab'[burst % 2]}" for burst in range(12)]
    Path("known.csv").write_text("\n".join(["image,label", *known]))
    alkit("init", "camp", "--pool", "photos", "--labels", "known.csv", "-t", "epochs=1", "-q")
    return here / "camp"


@pytest.mark.slow
def test_groups_are_found_audited_copied_and_dropped(
    alkit: Alkit, alkit_ends: Alkit, bursts: Path, here: Path
) -> None:
    assert "not grouped" in alkit("groups", "-c", bursts).out
    assert alkit("groups", "-c", bursts, "--json").json == {"groups": None}
    refused = alkit_ends("groups", "copy", "-c", bursts)
    assert refused.code == 2 and "alkit groups find" in refused.error
    found = alkit("groups", "find", "-c", bursts, "--audit", "0.5", "--json").json
    assert found["by"] == "pixels"
    assert (found["groups"], found["followers"], found["due"], found["drawn"]) == (12, 48, 24, 24)
    assert f"{found['followers']} images look nearly like" in alkit("groups", "-c", bursts).out
    refused = alkit_ends("groups", "copy", "-c", bursts)
    assert refused.code == 2 and "it takes 80 to show that at most 5.0% of copies are wrong" in refused.error
    query = alkit("query", "-c", bursts, "-n", "20", "-s", "margin", "--control", "0", "--json").json
    assert len(query["audits"]) == 10
    answers = [f"{pick['image']},{pick['image'].partition('/')[0]}" for pick in query["picks"]]
    Path("answers.csv").write_text("\n".join(["image,label", *answers]))
    alkit("ingest", "-c", bursts, "answers.csv")
    copied = alkit("groups", "copy", "--limit", "0.5", "-c", bursts, "--json").json["copied"]
    assert copied > 0
    assert f"32, and {copied} copied from near-duplicates" in alkit("status", "-c", bursts).out
    assert f"on 32 labels and {copied} copies" in alkit("train", "-c", bursts, "-q").out
    lines = [line.split() for line in alkit("status", "-c", bursts).out.splitlines()]
    assert ["cycle", "labels", "copies", "test", "train", "s"] in lines
    assert any(line[:3] == ["1", "32", str(copied)] for line in lines)
    report = alkit("report", "-c", bursts, "--json").json
    assert report["groups"]["copied"] == report["campaign"]["copied"] == copied
    alkit("report", "-c", bursts)
    page = (bursts / "report.html").read_text(encoding="utf-8")
    assert f"32 labels and {copied} copies after" in page
    assert "Near-duplicates" in page and f"{copied} labels are copied" in page
    alkit("export", "-c", bursts, "--labeled", "--format", "csv", "--out", "all.csv")
    lines = Path("all.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(",copied_from")
    assert sum(not line.endswith(",") for line in lines[1:]) == copied
    assert f"{copied} copied labels are dropped" in alkit("groups", "-c", bursts, "drop").out
    assert alkit("groups", "off", "-c", bursts, "--json").json == {"dropped": 0}
