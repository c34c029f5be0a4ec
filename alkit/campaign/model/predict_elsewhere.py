"""Predictions that several processes make, in blocks of whole batches."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.session import CampaignSession
from alkit.errors import CampaignError, UsageError
from alkit.plugin.executors import open_executor, run_all
from alkit.utils.counts import counted
from alkit.utils.files import write_atomically

from .predict import open_images, predicted_blocks, scaled_as_pool, usual_batch
from .predictions import PredictedImage
from .trained import present_model

if TYPE_CHECKING:
    from alkit.data.source import Source
    from alkit.interfaces.executor import Executor

    from .trained import UsableModel

BATCHES_IN_A_BLOCK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictJob:
    """A block of images.

    Attributes:
        campaign: its directory, under a path that every process sees.
        device: where the model computes.
        fingerprint: of the training of the model.
        images: what names all images, as `open_images` takes it.
        keys: those of the block.
        batch_size: images that the model sees at once.
        probabilities: keep those of all classes.
        min_score: of boxes.
        path: file of the block.
    """

    campaign: str
    device: str
    fingerprint: str
    images: str
    keys: tuple[str, ...]
    batch_size: int
    probabilities: bool
    min_score: float
    path: str


_last: dict[tuple[str, str, str, str], tuple[CampaignSession, UsableModel, Source]] = {}


def predict(job: PredictJob) -> None:
    """Predict the images of a job, and write them to its file; the model is kept for the next job.

    Raises:
        CampaignError: the model is another one here.
    """
    key = (job.campaign, job.device, job.fingerprint, job.images)
    if key not in _last:
        _last.clear()
        with CampaignSession(job.campaign, device=job.device) as session:
            model = present_model(session)
            if model is None or model.trained.fingerprint != job.fingerprint:
                raise CampaignError(f"the model of {job.campaign} is another one here; begin again")
            _last[key] = session, model, scaled_as_pool(session, open_images(job.images))
    blocks = predicted_blocks(
        *_last[key], job.keys, job.batch_size, probabilities=job.probabilities, min_score=job.min_score
    )
    lines = [json.dumps(image.as_dict(), ensure_ascii=False) for block in blocks for image in block]
    write_atomically(Path(job.path), "".join(f"{line}\n" for line in lines))


def is_predicted(job: PredictJob) -> bool:
    """Say whether the block of a job is there."""
    return Path(job.path).exists()


@dataclass(frozen=True, slots=True)
class PredictElsewhere:
    """Predicts as `predicted_blocks` does, by an executor; blocks of a killed call are used again.

    Attributes:
        executor: runs the jobs.
        images: what names all images, as `open_images` takes it.
        path: of the file of predictions; blocks are in a folder beside it until all are there.
    """

    executor: Executor
    images: str
    path: Path

    def __call__(
        self,
        session: CampaignSession,
        model: UsableModel,
        source: Source,
        keys: Sequence[str],
        batch_size: int | None,
        *,
        probabilities: bool,
        min_score: float,
    ) -> Iterator[list[PredictedImage]]:
        """Yield a record per image, in order, a block at a time, when all blocks are there."""
        size = batch_size or usual_batch(model)
        whole = PredictJob(
            campaign=str(session.directory.absolute()),
            device=str(model.device),
            fingerprint=model.trained.fingerprint,
            images=self.images,
            keys=tuple(keys),
            batch_size=size,
            probabilities=probabilities,
            min_score=min_score,
            path="",
        )
        identity = hashlib.sha256(repr(whole).encode()).hexdigest()[:12]
        folder = self.path.absolute().with_name(f"{self.path.name}.{identity}.blocks")
        folder.mkdir(exist_ok=True)
        jobs = [
            dataclasses.replace(whole, keys=whole.keys[at : at + step], path=str(folder / f"{at:012d}.jsonl"))
            for step in (size * BATCHES_IN_A_BLOCK,)
            for at in range(0, len(keys), step)
        ]
        left = [job for job in jobs if not is_predicted(job)]
        session.progress.line(
            f"{counted(len(left), 'block')} of images to predict for '{self.executor.name}'"
        )
        run_all(self.executor, predict, left, is_predicted, session.progress)
        _last.clear()
        for job in jobs:
            with open(job.path, encoding="utf-8", newline="\n") as file:
                yield [PredictedImage.from_dict(json.loads(line)) for line in file]
        shutil.rmtree(folder, ignore_errors=True)


def elsewhere(executor: str, options: Mapping[str, Any], images: str, path: Path) -> PredictElsewhere:
    """Return what predicts by an executor.

    Args:
        executor: its name.
        options: of the executor.
        images: a folder, a file or a name that other processes can open.
        path: of the file of predictions.

    Raises:
        UsageError: the images come from standard input.
    """
    if images == "-":
        raise UsageError(
            "the processes of an executor cannot read standard input; give a folder or a file that they see"
        )
    named = str(Path(images).absolute()) if Path(images).exists() else images
    return PredictElsewhere(open_executor(executor, options), named, path)
