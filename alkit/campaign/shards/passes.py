"""Passes of a cycle that several processes share: jobs of an executor, and blocks in a folder."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import CampaignError, UsageError
from alkit.plugin.executors import run_all
from alkit.utils.counts import counted

from .cycle_ref import CycleRef

if TYPE_CHECKING:
    from alkit.campaign.prepare import PreparedCycle, Selection
    from alkit.campaign.session import CampaignSession
    from alkit.engine.passes import GatheredPasses
    from alkit.interfaces.executor import Executor

FOLDER = "scores"
BLOCKS_IN_A_JOB = 16  # at most; a job that is lost with its worker is done again
JOBS = 64  # at least, where there are as many blocks


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Some blocks of a pass.

    Attributes:
        ref: the cycle.
        folder: of all passes.
        key: of the pass.
        blocks: their numbers.
    """

    ref: CycleRef
    folder: str
    key: str
    blocks: tuple[int, ...]


def score(job: ScoreJob) -> None:
    """Compute the blocks of a job, and write each to its file.

    Raises:
        CampaignError: the cycle is another one here.
    """
    from alkit.engine.passes import EnoughComputed, JobOfPasses  # noqa: PLC0415  # torch takes seconds to import

    prepared = _prepared(job.ref)
    passes = JobOfPasses(Path(job.folder), prepared.identity, key=job.key, blocks=job.blocks)
    try:
        prepared.choose(passes)
    except EnoughComputed:
        return
    raise CampaignError(
        f"strategy '{job.ref.strategy}' does not make the same pass over the images here as in the process "
        "that asked for it; are alkit, torch and its plugins the same versions on all machines?"
    )


@functools.lru_cache(maxsize=1)  # the next job is probably of the same cycle
def _prepared(ref: CycleRef) -> PreparedCycle:
    return ref.prepare()


def is_scored(job: ScoreJob) -> bool:
    """Say whether the blocks of a job are there."""
    from alkit.engine.passes import missing_blocks  # noqa: PLC0415  # torch takes seconds to import

    return not missing_blocks(Path(job.folder) / job.key, job.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a query shares its passes over the pool with other processes.

    Attributes:
        scores: folder of the blocks; None keeps them in the campaign until the query is recorded.
        executor: computes what is missing; None computes it here.
    """

    scores: Path | None = None
    executor: Executor | None = None

    def passes(self, session: CampaignSession) -> Callable[[PreparedCycle], GatheredPasses]:
        """Return what makes the passes of a cycle."""
        return functools.partial(self._passes, session)

    def clean_up(self, session: CampaignSession) -> None:
        """Remove the blocks of a query that is recorded, unless the user named their folder."""
        _prepared.cache_clear()
        if self.scores is None:
            shutil.rmtree(_own_folder(session), ignore_errors=True)

    def _passes(self, session: CampaignSession, prepared: PreparedCycle) -> GatheredPasses:
        from alkit.engine.passes import GatheredPasses  # noqa: PLC0415  # torch takes seconds to import

        folder = (_own_folder(session) if self.scores is None else self.scores).absolute()
        if self.executor is None:
            return GatheredPasses(folder, prepared.identity)
        ref, executor = CycleRef.of(session, prepared), self.executor

        def spread(key: str, blocks: Sequence[int]) -> None:
            size = max(1, min(BLOCKS_IN_A_JOB, len(blocks) // JOBS))
            parts = [tuple(blocks[start : start + size]) for start in range(0, len(blocks), size)]
            jobs = [ScoreJob(ref, str(folder), key, part) for part in parts]
            session.progress.line(f"{counted(len(jobs), 'job')} of up to {size} blocks for '{executor.name}'")
            run_all(executor, score, jobs, is_scored, session.progress)

        return GatheredPasses(folder, prepared.identity, spread)


def check_shared(selection: Selection) -> None:
    """Refuse to share what is not computed.

    Raises:
        UsageError: the outputs are given in files.
    """
    if selection.given is not None:
        raise UsageError(
            "the outputs of the model are given in files, so there is nothing to score; leave out "
            "--scores and --executor"
        )


def _own_folder(session: CampaignSession) -> Path:
    return session.directory / "cache" / FOLDER
