"""`alkit rehearse`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_too_few_labels_are_refused_in_one_sentence(alkit_ends: Alkit, labeled: Path) -> None:
    said = alkit_ends("rehearse", "-c", labeled)
    assert said.code == 2
    assert "needs at least 60, and there are 12" in said.error


@pytest.mark.slow
def test_a_rehearsal_is_shown_kept_and_reported(
    alkit: Alkit, make_pictures: Callable[..., Path], here: Path
) -> None:
    pictures = make_pictures(here / "pics", each=40)
    alkit("init", "camp", "--pool", pictures, "-t", "epochs=1")
    known = [
        f"{color}/{number:02d}.png,{color}" for color in ("blue", "green", "red") for number in range(30)
    ]
    Path("known.csv").write_text("\n".join(["image,label", *known]))
    alkit("ingest", "-c", "camp", "known.csv", "--allow-new-classes")
    words = ("rehearse", "-c", "camp", "-s", "margin", "--seeds", "2", "--more", "20", "--more", "500")
    found = alkit(*words, "--json").json
    assert found["labels"] == 90 and found["judged"] == "all labels" and found["judges"] == 45
    assert [item["strategy"] for item in found["strategies"]] == ["random", "margin"]
    assert [outlook["more"] for outlook in found["strategies"][1]["outlooks"]] == [20]
    assert "margin" in alkit(*words).out
    assert alkit("report", "-c", "camp", "--json").json["rehearsal"] == found
    alkit("report", "-c", "camp")
    assert "Rehearsal" in (here / "camp" / "report.html").read_text(encoding="utf-8")
