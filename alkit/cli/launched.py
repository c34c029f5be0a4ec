"""The command line in processes that torchrun started: the first runs the command, the others help."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Any

import click

from alkit.errors import ProcessLost, UsageError
from alkit.utils.console import one_line

TRAINING = ("train", "query", "run")
"""Commands that train a model."""


def run_launched(command: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command in the first process, return its exit code; in the others, take part in its trainings.

    Args:
        command: runs the command line and returns its exit code.
        words: of the command line.

    Raises:
        UsageError: the command trains no model.
        ProcessLost: torchrun ended this process, as it does when another one has ended.
    """
    from alkit.training.launch import LOST, Launch  # noqa: PLC0415  # a command alone needs none

    name = next((word for word in words if not word.startswith("-")), "")
    launch = Launch.join()
    if launch.rank > 0:
        return _help(launch)

    def ended(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise ProcessLost(LOST)

    signal.signal(signal.SIGTERM, ended)
    try:
        if name and name not in TRAINING:
            raise UsageError(
                f"'alkit {name}' runs in one process, so start it without torchrun; of the commands, "
                f"{', '.join(TRAINING)} train in several"
            )
        return command()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends now, and first says why
        launch.end()


def _help(launch: Any) -> int:
    from alkit.campaign.shards.training import help_train  # noqa: PLC0415  # numpy is slow to import

    try:
        help_train(launch)
    except ProcessLost:
        return 1  # process 0 says so
    except Exception as error:
        click.echo(f"Error: process {launch.rank} of {launch.size}: {one_line(str(error))}", err=True)
        return 1
    return 0
