"""A campaign's model applied to images that need not be in its pool."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alkit.data.source import Source
from alkit.data.sources import with_pixels
from alkit.errors import UsageError
from alkit.interfaces.labels import Boxes, ClassSet
from alkit.plugin.sources import open_source

from . import prediction_files
from .box_predictions import LEAST_SCORE, boxes_in_pixels, check_boxes
from .mask_predictions import check_masks, folder_of, predicted_masks
from .prediction_files import PartialPredictions
from .predictions import DIGITS, KINDS, PredictedImage, Predictions
from .trained import UsableModel, usable_model

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.campaign.session import CampaignSession
    from alkit.data.source import DecodedImage
    from alkit.training.types import Output

HALF = 0.5
BATCH = 256
BATCH_OF_ENCODER = 64  # their images are large


class Blocks(Protocol):
    """Predicts as `predicted_blocks` does."""

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
        """Yield a record per image, in order, a batch or more at a time."""
        ...


@dataclass(slots=True, kw_only=True)
class PredictionFile:
    """A finished file of predictions.

    Attributes:
        path: of the file.
        model: that predicted.
        images: rows in it.
        resumed: rows that an interrupted run had left.
        counts: images, or boxes, by predicted class, the most frequent class first.
        unreadable: path and reason of the images that could not be read.
    """

    path: Path
    model: UsableModel
    images: int = 0
    resumed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def open_images(images: str | Path | Source | Sequence[str | Path] | Any) -> Source:
    """Open images to predict.

    Args:
        images: a folder, a text file with one path per line, an image file, whatever `open_source` opens, a
            source, a sequence of paths, or an array [N, H, W, C] of uint8 or of floating point in [0, 1].

    Raises:
        SourceError: there are no images, or they cannot be listed.
    """
    from alkit.data.sources.files import SUFFIXES  # noqa: PLC0415  # Pillow is slow to import
    from alkit.data.sources.listed import Listed, read_list  # noqa: PLC0415  # Pillow is slow to import

    if isinstance(images, Source):
        return images
    if isinstance(images, (str, Path)):
        path = Path(images).expanduser()
        suffix = path.suffix.lower()
        if suffix == ".txt" and path.is_file():
            return read_list(path)
        if suffix in SUFFIXES and path.is_file():
            return Listed([path], location=str(path))
        return with_pixels(open_source(os.fspath(images)))
    if not isinstance(images, Sequence):
        from alkit.data.sources.arrays import ArraySource  # noqa: PLC0415  # numpy is slow to import

        return ArraySource("the array", images)
    return Listed(list(images))


def predict(
    session: CampaignSession,
    images: str | Path | Source | Sequence[str | Path] | Any,
    *,
    batch_size: int | None = None,
    probabilities: bool = False,
    min_score: float = LEAST_SCORE,
) -> Predictions:
    """Predict in memory: see `Campaign.predict`."""
    if session.settings.labels == "mask":
        raise UsageError("predicted masks are files; write them with 'alkit predict IMAGES --out masks.csv'")
    source = scaled_as_pool(session, open_images(images))
    model = usable_model(session)
    found = [
        image
        for block in predicted_blocks(
            session,
            model,
            source,
            source.keys(),
            batch_size,
            probabilities=probabilities,
            min_score=min_score,
        )
        for image in block
    ]
    return Predictions(found, model.classes)


def predict_to(
    session: CampaignSession,
    source: Source,
    path: Path,
    *,
    batch_size: int | None = None,
    probabilities: bool = False,
    min_score: float = LEAST_SCORE,
    force: bool = False,
    blocks: Blocks | None = None,
) -> PredictionFile:
    """Predict into a file; a call that was killed is continued by the next one with the same arguments.

    Args:
        session: the campaign.
        source: the images.
        path: of the file: `.csv`, `.jsonl` or `.parquet`; boxes also `.json`, as COCO's results.
        batch_size: images that the model sees at once; 256, or 64 with an encoder.
        probabilities: write those of all classes.
        min_score: of boxes; those with a lower one are left out.
        force: overwrite an existing file.
        blocks: predicts in place of `predicted_blocks`, in other processes.

    Raises:
        UsageError: the file exists, its name has another ending, or the labels do not fit.
        AlkitError: as `usable_model`.
    """
    prediction_files.writer_for(path)
    prediction_files.refuse_to_overwrite(path, force=force)
    check_boxes(path, kind=session.settings.labels, probabilities=probabilities)
    for note in source.notes:
        session.progress.line(note)
    source = scaled_as_pool(session, source)
    keys, model = source.keys(), usable_model(session, kinds=KINDS)
    if model.kind == "mask":
        check_masks(path, probabilities=probabilities, force=force)
        if blocks is not None:
            raise UsageError("masks are predicted in this process only; leave --executor out")
    result = PredictionFile(path=path, model=model)
    identity = _identity(model, source, keys, probabilities=probabilities, min_score=min_score)
    with PartialPredictions(path, identity) as partial:
        result.resumed = partial.done
        if partial.done:
            session.progress.line(f"{partial.done:,} of {len(keys):,} images are already predicted")
        left = keys[partial.done :]
        predicted = blocks or predicted_blocks
        if model.kind == "mask":
            found = predicted_masks(session, model, source, left, batch_size, folder_of(path))
        else:
            found = predicted(
                session, model, source, left, batch_size, probabilities=probabilities, min_score=min_score
            )
        for block in found:
            partial.append(block)
        shown = model.classes if probabilities or path.suffix.lower() == prediction_files.COCO else ()
        prediction_files.write(_counted(partial.rows(), result), shown, path, kind=model.kind)
    partial.path.unlink()
    return result


def scaled_as_pool(session: CampaignSession, source: Source) -> Source:
    """Return images whose values become black and white where those of the pool do."""
    source.pixel_type = session.settings.pool.pixel_type
    if source.value_range is None:
        source.value_range = session.settings.pool.value_range
    return source


def _identity(
    model: UsableModel, source: Source, keys: Sequence[str], *, probabilities: bool, min_score: float
) -> str:
    """Hash what predictions depend on, so that only those of the same images and model are continued."""
    parts = [model.trained.fingerprint, source.location, list(keys), probabilities]
    parts += [min_score] if model.kind == "boxes" else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _counted(rows: Iterator[PredictedImage], result: PredictionFile) -> Iterator[PredictedImage]:
    for row in rows:
        result.images += 1
        result.counts.update(row.names)
        if row.error is not None:
            result.unreadable.append((row.path, row.error))
        yield row


def predicted_blocks(
    session: CampaignSession,
    model: UsableModel,
    source: Source,
    keys: Sequence[str],
    batch_size: int | None,
    *,
    probabilities: bool,
    min_score: float = LEAST_SCORE,
) -> Iterator[list[PredictedImage]]:
    """Yield a record per image, in order, a batch at a time."""
    done = 0
    if probabilities and model.kind == "number":
        raise UsageError(f"task '{model.task.name}' predicts numbers, which have no probabilities")
    batch_size = batch_size or usual_batch(model)
    with session.progress.bar(len(keys), "predict") as bar:
        for readings, images in model.preprocessing.batches(source, keys, batch_size):
            if model.kind == "boxes":
                given = _boxes(model, images, readings, min_score)
            else:
                given = iter(_predictions(model, images, probabilities=probabilities) if len(images) else ())
            yield [
                PredictedImage(path=key, error=reading.unusable, kind=model.kind)
                if reading.unusable is not None
                else dataclasses.replace(next(given), path=key)
                for key, reading in zip(keys[done : done + len(readings)], readings, strict=True)
            ]
            done += len(readings)
            bar.update(len(readings))


def usual_batch(model: UsableModel) -> int:
    """Return how many images a model sees at once where nobody says."""
    if model.kind == "boxes":  # they may have large images
        return min(BATCH, model.task.scoring_batch())
    return BATCH if model.preprocessing.encoder_input is None else BATCH_OF_ENCODER


def _predictions(model: UsableModel, images: Tensor, *, probabilities: bool) -> Iterator[PredictedImage]:
    """Yield what the model says of each image, without its path."""
    with model.applied():
        output = model.task.forward(images.to(model.device))
    if model.kind == "number":
        yield from _numbers(model, output)
        return
    assert output.probabilities is not None
    found = output.probabilities.double().cpu()
    # Outputs beyond the classes, as of a larger head, are left out.
    rows = found[:, 1] if model.kind == "classes" else found
    record = _set if model.kind == "classes" else _class
    for row in rows[:, : len(model.classes)].tolist():
        shown = {name: round(value, DIGITS) for name, value in zip(model.classes, row, strict=True)}
        label, confidence = record(model.classes, row)
        yield PredictedImage(
            path="",
            label=label,
            confidence=round(confidence, DIGITS),
            probabilities=shown if probabilities else None,
            kind=model.kind,
        )


def _boxes(
    model: UsableModel, images: Tensor, readings: Sequence[DecodedImage], min_score: float
) -> Iterator[PredictedImage]:
    """Yield the boxes of each image that can be read, without its path."""
    if not len(images):
        return
    with model.applied():
        objects = model.task.forward(images.to(model.device)).objects
    assert objects is not None
    sizes = [(each.width, each.height) for each in readings if each.unusable is None]
    for size, boxes in zip(sizes, boxes_in_pixels(model, objects, sizes, min_score), strict=True):
        best = boxes[0]["score"] if boxes else None
        yield PredictedImage(path="", label=Boxes().text(boxes), confidence=best, kind="boxes", size=size)


def _class(classes: Sequence[str], row: Sequence[float]) -> tuple[str, float]:
    """Return the most probable class and its probability."""
    best = max(range(len(row)), key=row.__getitem__)
    return classes[best], row[best]


def _set(classes: Sequence[str], row: Sequence[float]) -> tuple[str, float]:
    """Return the classes that apply with more than one half, and the probability of the least certain one."""
    labels = ClassSet(classes=classes)
    applying = sorted(name for name, share in zip(classes, row, strict=True) if share > HALF)
    return labels.text(applying), min(max(share, 1 - share) for share in row)


def _numbers(model: UsableModel, output: Output) -> Iterator[PredictedImage]:
    """Yield numbers, with the deviation of a single one if the model predicts it."""
    assert output.numbers is not None
    labels = model.task.make_labels(())
    variances = None if output.variances is None else output.variances.double().cpu().tolist()
    for place, row in enumerate(output.numbers.double().cpu().tolist()):
        rounded = [round(number, DIGITS) for number in row]
        single = len(row) == 1
        deviation = round(variances[place][0] ** 0.5, DIGITS) if variances and single else None
        text = labels.text(rounded[0] if single else rounded)
        yield PredictedImage(path="", label=text, confidence=deviation, kind=model.kind)
