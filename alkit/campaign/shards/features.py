"""Features of an encoder that several processes compute, in blocks."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alkit.campaign.session import CampaignSession
from alkit.plugin.executors import run_all
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from alkit.data.feature_blocks import FeatureBlocks
    from alkit.interfaces.executor import Executor


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """A block of the features of a pool.

    Attributes:
        campaign: its directory, under a path that every process sees.
        device: where the encoder computes.
        blocks: what the file of features lacks.
        number: of the block.
    """

    campaign: str
    device: str
    blocks: FeatureBlocks
    number: int


def encode(job: EncodeJob) -> None:
    """Compute the block of a job; the campaign and its encoder stay open for the next job."""
    session = _session(job.campaign, job.device, job.blocks)
    session.resources.encode(session.state, job.blocks, [job.number])


@functools.lru_cache(maxsize=1)
def _session(campaign: str, device: str, blocks: FeatureBlocks) -> CampaignSession:
    """Open a campaign; with other blocks, it has other images by now and is opened again."""
    with CampaignSession(campaign, device=device) as session:
        return session


def is_encoded(job: EncodeJob) -> bool:
    """Say whether the block of a job is there."""
    return job.number in job.blocks.numbers and job.number not in job.blocks.missing


def encode_elsewhere(session: CampaignSession, executor: Executor) -> None:
    """Have the features of the pool computed that are missing; the next who needs them gathers the blocks."""
    blocks = session.resources.feature_blocks(session.state)
    if blocks is None or len(blocks.missing) < 2:
        return
    campaign, device = str(session.directory.absolute()), str(session.resources.device)
    jobs = [EncodeJob(campaign, device, blocks, number) for number in blocks.missing]
    session.progress.line(f"{counted(len(jobs), 'block')} of images to encode for '{executor.name}'")
    run_all(executor, encode, jobs, is_encoded, session.progress)
    _session.cache_clear()
