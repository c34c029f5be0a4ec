"""Run commands of alkit, each in a fork of this process, since importing torch for each would take seconds.

Each line of the input holds the words of a command as JSON; the answer is a line with its exit code and its
output.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

LIBRARIES = (
    "PIL.Image",
    "scipy",
    "sklearn.cluster",
    "sklearn.datasets",
    "torch",
    "torch._dynamo",
    "torchvision",
)


def main() -> None:
    """Answer one command after another until the input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(said_by(json.loads(line))), flush=True)


def said_by(words: Sequence[str]) -> dict[str, object]:
    """Run `python -m alkit WORDS` in a fork; return `code`, `out` and `err`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(words, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1]}


def _become(words: Sequence[str], out: int, err: int) -> NoReturn:
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv = ["alkit", *words]
        runpy.run_module("alkit", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
