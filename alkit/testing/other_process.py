"""Choose in another process, which knows only the strategy's name or file.

One process serves all strategies that are tested in a session, since importing torch takes seconds.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .results import Nonconforming, NotApplicable


def reference(cls: type) -> str:
    """Return where to find a class without an entry point: `file::name`.

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
    """Choose n candidates of each task's default world in another process.

    Raises:
        Nonconforming: it failed there.
    """
    import torch  # noqa: PLC0415  # torch takes seconds to import

    job = {
        "directory": str(Path.cwd()),  # that process may have been started in another
        "strategy": strategy,
        "options": dict(given),
        "tasks": list(tasks),
        "n": n,
        "device": device,
        "threads": torch.get_num_threads(),
    }
    process = _process()
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
    except (OSError, ValueError) as error:
        _process.cache_clear()
        raise Nonconforming(
            f"another process ended (exit code {process.wait()}) instead of choosing"
        ) from error
    if "error" in answer:
        raise Nonconforming(f"another process could not choose: {answer['error']}")
    return answer["picks"]


@functools.cache
def _process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
            "PYTHONHASHSEED": "12345",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(process.communicate)  # closes its input, which ends it
    return process


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


def _choose(job: Mapping[str, Any]) -> dict[str, list[int]]:
    import torch  # noqa: PLC0415  # torch takes seconds to import

    from .subject import Subject  # noqa: PLC0415  # torch takes seconds to import

    os.chdir(job["directory"])
    torch.set_num_threads(job["threads"])
    subject = Subject(_find(job["strategy"]), job["options"], job["device"])
    return {task: subject.choose(task, job["n"]).tolist() for task in job["tasks"]}


def main() -> None:
    """Answer each job, a line of JSON on standard input, by a line on standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of a strategy must not mix with answers
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"picks": _choose(json.loads(line))}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
