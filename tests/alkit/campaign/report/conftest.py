"""Campaigns to report on: two answered queries with a control each, judged on a test set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


@pytest.fixture(scope="session")
def _answered(
    alkit: Alkit,
    pictures: Path,
    make_pictures: Callable[..., Path],
    fill_in: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    home = tmp_path_factory.mktemp("answered")
    directory = home / "birds"
    tested = make_pictures(home / "tested", each=10, seed=1)
    alkit(
        "init",
        directory,
        "--pool",
        pictures,
        "--test",
        tested,
        "-t",
        "epochs=2",
        "--classes",
        "red,green,blue",
    )
    for number in (1, 2, 3):
        alkit("query", "-c", directory, "-n", "12", "--control", "0.25", "-s", "margin")
        answers = fill_in(directory / "queries" / f"{number:03d}.csv", home / "answers.csv")
        alkit("ingest", "-c", directory, answers, "--annotator", "ada")
    alkit("train", "-c", directory)
    return directory


@pytest.fixture
def answered(_answered: Path, tmp_path: Path) -> Path:
    """A campaign with a seed query and two of `margin`, 12 images each, 3 of them a control."""
    return Path(shutil.copytree(_answered, tmp_path / "birds"))


@pytest.fixture
def session(answered: Path) -> Iterator[Campaign]:
    """The same, opened."""
    with Campaign(answered) as campaign:
        yield campaign
