"""Processes that tests kill, started without the seconds that importing torch takes."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PRELOADED = ["torch", "alkit.cli", "alkit.campaign.run", "alkit_plugins.tasks.classification"]
START = """
import os, sys, torch
os.dup2(out.fileno(), 1)
os.dup2(err.fileno(), 2)
os.chdir(directory)
os.environ.update(environment)
sys.argv = argv
torch.set_num_threads(1)
exec(code, {"__name__": "__main__"})
"""


class Process:
    """A process that runs code, forked from one that has imported everything; both pipes can be read.

    Args:
        code: run as the main module would be.
        words: the rest of `sys.argv`, in `directory`.
    """

    def __init__(self, code: str, *words: object) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        (self._out, out), (self._err, err) = context.Pipe(duplex=False), context.Pipe(duplex=False)
        given: dict[str, Any] = {
            "code": code,
            "argv": ["alkit", *map(str, words)],
            "directory": str(Path.cwd()),
            "environment": dict(os.environ),
            "out": out,
            "err": err,
        }
        self._process: BaseProcess = context.Process(target=exec, args=(START, given))
        self._process.start()
        out.close()
        err.close()
        self.stdout = os.fdopen(os.dup(self._out.fileno()), encoding="utf-8")
        self.stderr = os.fdopen(os.dup(self._err.fileno()), encoding="utf-8")

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for its end; return exit code, negative for a signal, and what is left in the pipes."""
        out, err = self.stdout.read(), self.stderr.read()
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"it runs still after {timeout} seconds"
        return self._process.exitcode, out, err

    def close(self) -> None:
        """End it, if it runs."""
        self._process.kill()
        self._process.join()
        for file in (self.stdout, self.stderr, self._out, self._err):
            file.close()
