"""Jobs one after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import alkit
from alkit.interfaces import Executor

Job = TypeVar("Job")


@dataclass(kw_only=True)
class Local(Executor):
    """Run jobs one after the other in this process."""

    name: ClassVar[str] = "local"

    def __post_init__(self) -> None:
        if self.workers not in (None, 1):
            raise ValueError(f"it has one worker, this process, not {self.workers}; choose 'processes'")

    def run(
        self, function: Callable[[Job], None], jobs: Sequence[Job], *, say: Callable[[str], None]
    ) -> None:
        """Call the function with each job in turn."""
        for job in jobs:
            function(job)


@alkit.hookimpl
def alkit_executors() -> list[type[Executor]]:
    """Offer the executor."""
    return [Local]
