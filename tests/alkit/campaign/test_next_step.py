"""What is proposed next can be done: a query of as many images as there are, or none where none is left."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alkit.campaign.campaign import Campaign
from alkit.campaign.next_step import NONE_LEFT, next_step, query_command
from alkit.campaign.report.findings import gather_findings

from ..cli.commands.test_copied_labels import copy_labels

Alkit = Callable[..., Any]


def proposed(out: str) -> list[str]:
    """Return the words of the command that a command ends with."""
    said = next(line for line in out.splitlines() if line.startswith("next "))
    return shlex.split(said.removeprefix("next").split(" (")[0])[1:]


def test_the_query_after_the_last_asks_for_as_many(
    alkit: Alkit, labeled: Path, fill_in: Callable[..., Path], here: Path
) -> None:
    alkit("query", "-c", labeled, "-n", "7", "-s", "random")
    said = alkit("ingest", "-c", labeled, fill_in(labeled / "queries" / "001.csv", Path("a.csv"))).out
    words = proposed(said)
    assert words == ["query", "--campaign", str(labeled), "--budget", "7"]
    assert "7 images chosen" in alkit(*words, "-s", "random").out


def test_no_more_than_are_left(alkit: Alkit, make_pictures: Callable[..., Path], here: Path) -> None:
    pool = make_pictures(here / "few", each=2)
    words = proposed(alkit("init", "camp", "--pool", pool, "-q").out)
    assert words == ["query", "--campaign", "camp", "--budget", "6"]
    assert "6 images chosen" in alkit(*words).out


def test_no_query_where_no_image_is_left(
    alkit: Alkit, labeled: Path, fill_in: Callable[..., Path], here: Path
) -> None:
    alkit("query", "-c", labeled, "-n", "48", "-s", "random")
    with Campaign(labeled) as campaign:
        assert gather_findings(campaign).suggestion.action == "go on"  # answers are waited for
    said = alkit("ingest", "-c", labeled, fill_in(labeled / "queries" / "001.csv", Path("a.csv"))).out
    assert NONE_LEFT in said
    assert proposed(said)[0] == "report"
    with Campaign(labeled) as campaign:
        found = gather_findings(campaign).suggestion
    assert found.action == "stop"
    assert found.reasons[-1] == f"{NONE_LEFT.capitalize()}."
    alkit("fork", "second", "-c", labeled, "-q")
    with Campaign("second") as campaign:
        assert next_step(campaign).startswith("alkit report --campaign second ")


def test_the_page_proposes_the_same(labeled: Path) -> None:
    copy_labels(labeled, 1)
    with Campaign(labeled) as campaign:
        assert (
            next_step(campaign) == query_command(campaign) == f"alkit query --campaign {labeled} --budget 47"
        )
