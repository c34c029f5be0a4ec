"""alkit with its small libraries in the lowest versions that `setup.cfg` promises."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("click", "filelock", "jinja2", "packaging", "pluggy", "threadpoolctl", "tomli-w", "tqdm")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lowest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds these versions first."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    required = re.findall(r"^([a-z0-9-]+)>=(\S+)$", setup["options"]["install_requires"], re.MULTILINE)
    exact = [f"{name}=={version}" for name, version in required if name in SMALL]
    assert len(exact) == len(SMALL)
    folder = tmp_path_factory.mktemp("lowest")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *exact]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"pip installs nothing here: {done.stderr.strip().splitlines()[-1:]}")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--help"], 0, "Start with:"),
        ([], None, "Usage: alkit"),
        (["strategies"], 0, "ta-vaal"),
        (["query", "--pool", "digits", "-s", "margin", "-n", "5"], 0, "5 images chosen by 'margin'"),
        (["query", "--pool", "digits", "-s", "marg", "-n", "5"], 2, "did you mean 'margin'"),
        (["query", "--pool", "nowhere", "--budget", "5"], 1, "nowhere"),
        (["bench", "quik"], 2, "did you mean 'quick'"),
        (["status", "--nonsense"], 2, "No such option"),
    ],
)  # fmt: skip
def test_commands_work_and_errors_are_sentences(
    lowest: dict[str, str], tmp_path: Path, words: list[str], code: int | None, told: str
) -> None:
    command = [sys.executable, "-c", "from alkit.cli import main; main()", *words]
    done = subprocess.run(
        command, cwd=tmp_path, env=lowest, capture_output=True, text=True, check=False, timeout=200
    )
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert code is None or done.returncode == code
