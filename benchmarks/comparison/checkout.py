"""A checkout of alkit, used as if it were installed, without writing to it; `warm.py` runs its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WARM = Path(__file__).with_name("warm.py")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
METADATA = "import setuptools; setuptools.setup()"
WHERE = "import alkit, alkit_plugins; print(alkit.__file__); print(alkit_plugins.__file__)"


class CheckoutError(Exception):
    """A folder is no checkout of alkit, or a command in it failed."""


class Checkout:
    """A checkout, and a process in which its commands run.

    Args:
        path: of the checkout.
        workplace: a new folder, for its campaigns and for the metadata of its entry points.

    Raises:
        CheckoutError: it is no checkout of alkit.
    """

    def __init__(self, path: Path, workplace: Path) -> None:
        self.path, self.workplace = path.resolve(), workplace
        if not (self.path / "alkit").is_dir() or not (self.path / "plugins").is_dir():
            raise CheckoutError(f"{path} is no checkout of alkit: it has no folders alkit and plugins")
        metadata = workplace / "metadata"
        metadata.mkdir(parents=True)
        self._run(["-c", METADATA, "-q", "egg_info", "-e", str(metadata)], self.path, {})
        places = (metadata, self.path, self.path / "plugins")
        self._environment = {
            **ONE_THREAD,
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, places)),
        }
        for found in self._run(["-c", WHERE], workplace, self._environment).splitlines():
            if self.path not in Path(found).parents:
                raise CheckoutError(f"{found} is imported instead of what is in {self.path}")
        self._warm: subprocess.Popen[str] | None = None

    def commit(self) -> str:
        """Return the commit, and whether the checkout has been changed since, as far as git knows."""
        git = ["git", "-C", str(self.path), "describe", "--always", "--dirty", "--exclude=*"]
        done = subprocess.run(git, capture_output=True, text=True)
        return done.stdout.strip() or "no commit"

    def strategies(self) -> set[str]:
        """Return the names of its own strategies."""
        listed = json.loads(self.alkit(["strategies", "--json"]))
        return {entry["name"] for entry in listed if entry["distribution"] == "alkit"}

    def alkit(self, words: Sequence[str]) -> str:
        """Run a command as `python -m alkit WORDS` does, and return what it prints.

        Raises:
            CheckoutError: it ends with an error.
        """
        if self._warm is None:
            self._warm = subprocess.Popen(
                [sys.executable, str(WARM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self.workplace,
                env=os.environ | self._environment,
            )
        assert self._warm.stdin is not None and self._warm.stdout is not None
        self._warm.stdin.write(json.dumps(list(words)) + "\n")
        self._warm.stdin.flush()
        ended: dict[str, Any] = json.loads(self._warm.stdout.readline())
        if ended["code"] != 0:
            last = (ended["err"].strip().splitlines() or ["it says nothing"])[-1]
            raise CheckoutError(f"alkit {words[0]} ends with {ended['code']}: {last}")
        return str(ended["out"])

    def close(self) -> None:
        """End the process."""
        if self._warm is not None:
            assert self._warm.stdin is not None
            self._warm.stdin.close()
            self._warm.wait()

    def _run(self, words: Sequence[str], where: Path, more: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=where, env=os.environ | more, capture_output=True, text=True
        )
        if done.returncode:
            raise CheckoutError(f"{self.path}: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
        return done.stdout
