"""The interface of executors, which run independent jobs in this process, in others, or on other machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from alkit.options import option

Job = TypeVar("Job")


@dataclass(kw_only=True)
class Executor(ABC):
    """Base of all executors; the dataclass fields of a subclass are its options.

    A job is a small record that can be pickled. It names files by their paths, and its result is a file too,
    so workers have to see the same files under the same paths. A job may run twice, and in any order.

    Attributes:
        name: what the user types, the same as the entry point.
    """

    name: ClassVar[str]

    workers: int | None = option(None, "jobs at once; auto: one per core", minimum=1)

    @abstractmethod
    def run(
        self, function: Callable[[Job], None], jobs: Sequence[Job], *, say: Callable[[str], None]
    ) -> None:
        """Call a function with every job, and return when all of these calls have returned.

        Args:
            function: defined at the top level of a module, so that it is pickled by its name.
            jobs: one or more.
            say: tells the user a sentence.

        Raises:
            WorkersLost: worker processes died; alkit then runs the jobs again that are not done.
            ExecutorError: nothing can be run: a library is missing, or a scheduler does not answer.
            Exception: what the function raised, of the first job that failed.
        """
