"""Choose in another process, which knows nothing but the strategy's name or file."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .results import Nonconforming, NotApplicable

SECONDS = 300


def reference(cls: type) -> str:
    """Say where a class that is no entry point can be found: `file::name`.

    Raises:
        NotApplicable: it is defined inside a function, or in no file.
    """
    try:
        file = inspect.getsourcefile(cls)
    except TypeError:
        file = None
    if file is None or "<locals>" in cls.__qualname__:
        raise NotApplicable(
            f"{cls.__name__} is not defined at the top of a file, so no other process can find it"
        )
    return f"{Path(file).resolve()}::{cls.__qualname__}"


def choose_elsewhere(
    strategy: str, given: Mapping[str, Any], tasks: Sequence[str], n: int, device: str
) -> dict[str, list[int]]:
    """Choose n candidates of each task's default world in a new process.

    Raises:
        Nonconforming: the process failed.
    """
    import torch

    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "picks.json"
        job = {
            "strategy": strategy,
            "options": dict(given),
            "tasks": list(tasks),
            "n": n,
            "device": device,
            "threads": torch.get_num_threads(),
            "answer": str(answer),
        }
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(job),
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "12345"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise Nonconforming(f"another process could not choose: {last}")
        return json.loads(answer.read_text())


def _find(strategy: str) -> Any:
    file, separator, qualname = strategy.rpartition("::")
    if not separator:
        return strategy
    spec = importlib.util.spec_from_file_location("strategy_under_test", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def main() -> None:
    """Read a job from standard input, and write the picks to the file that it names."""
    import torch

    from .strategies import Subject

    job = json.load(sys.stdin)
    torch.set_num_threads(job["threads"])
    subject = Subject(_find(job["strategy"]), job["options"], job["device"])
    picks = {task: subject.choose(task, job["n"]).tolist() for task in job["tasks"]}
    Path(job["answer"]).write_text(json.dumps(picks))


if __name__ == "__main__":
    main()
