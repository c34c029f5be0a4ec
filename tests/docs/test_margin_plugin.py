"""The example plugin, installed the way a stranger installs it, and found, tested and run from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., str]
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "plugins" / "alkit-margin"


@pytest.fixture(scope="module")
def installed(install: Callable[..., Path]) -> Path:
    return install(FOLDER)


# One process does it all, since each takes seconds to import torch.
STRANGER = """
import sys
import torch
import alkit.testing
from alkit.cli import main
from alkit.plugin import registry

print(*map(str, registry.strategies), sep="\\n", end="\\n---\\n")
torch.set_num_threads(1)
strategy = registry.strategies.get("margin-ratio")()
world = alkit.testing.make_world()
world.train(strategy)
picks = world.choose(strategy, 3)
(output,) = world.cycle(batch_size=99).outputs(world.candidates)
top = output.probabilities.topk(2).values
ratios = dict(zip(world.candidates.tolist(), (top[:, 1] / top[:, 0]).tolist(), strict=True))
print(picks.tolist() == sorted(ratios, key=ratios.get, reverse=True)[:3], end="\\n---\\n")
results = alkit.testing.check_strategy("margin-ratio")
print(len(results), [result for result in results if not result.ok], end="\\n---\\n")
sys.argv = ["alkit", "query", "--strategy", "margin-ratio", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stranger")


@pytest.fixture(scope="module")
def told(installed: Path, python: Python, directory: Path) -> list[str]:
    options = ["--pool", "digits", "--budget", "7", "-t", "epochs=1", "--quiet", "--json"]
    return python("-c", STRANGER, *options, cwd=directory, path=installed).split("---\n")


def test_it_is_found_with_its_distribution_among_the_others(told: list[str]) -> None:
    names = told[0].splitlines()
    assert "margin-ratio (alkit-margin 1.0)" in names
    assert any(name.startswith("random (alkit ") for name in names)


def test_it_chooses_the_highest_ratios_and_conforms(told: list[str]) -> None:
    assert told[1] == "True\n"
    count, failed = told[2].split(maxsplit=1)
    assert int(count) > 30
    assert failed == "[]\n"


def test_the_command_line_queries_with_it(told: list[str], directory: Path) -> None:
    query = json.loads(told[3])
    assert (query["strategy"], query["distribution"], query["version"]) == (
        "margin-ratio",
        "alkit-margin",
        "1.0",
    )
    assert len({pick["index"] for pick in query["picks"]}) == 7
    scores = [pick["score"] for pick in query["picks"]]
    assert scores == sorted(scores, reverse=True)
    assert (directory / query["contact_sheet"]).exists()


@pytest.mark.slow
def test_its_own_tests_pass(installed: Path, tmp_path: Path, python: Python) -> None:
    copy = shutil.copytree(FOLDER / "tests", tmp_path / "tests")
    talk = python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=copy, path=installed)
    assert " passed" in talk
    assert "failed" not in talk


def test_it_is_as_short_as_the_documents_say() -> None:
    lines = (FOLDER / "alkit_margin.py").read_text().splitlines()
    assert len(lines) <= 16
