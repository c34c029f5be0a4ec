"""A campaign's model applied to images that need not be in its pool."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.data.source import Source
from alkit.data.sources import with_pixels
from alkit.plugin.sources import open_source

from . import prediction_files
from .prediction_files import PartialPredictions
from .predictions import DIGITS, PredictedImage, Predictions
from .trained import UsableModel, usable_model

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.campaign.session import CampaignSession

BATCH = 256
BATCH_OF_ENCODER = 64  # their images are large


@dataclass(slots=True, kw_only=True)
class PredictionFile:
    """A finished file of predictions.

    Attributes:
        path: of the file.
        model: that predicted.
        images: rows in it.
        resumed: rows that an interrupted run had left.
        counts: images by predicted class, the most frequent class first.
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
) -> Predictions:
    """Predict in memory: see `Campaign.predict`."""
    source = _scaled_as_pool(session, open_images(images))
    model = usable_model(session)
    found = [
        image
        for block in _predicted(
            session, model, source, source.keys(), batch_size, probabilities=probabilities
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
    force: bool = False,
) -> PredictionFile:
    """Predict into a file; a call that was killed is continued by the next one with the same arguments.

    Args:
        session: the campaign.
        source: the images.
        path: of the file: `.csv`, `.jsonl` or `.parquet`.
        batch_size: images that the model sees at once; 256, or 64 with an encoder.
        probabilities: write those of all classes.
        force: overwrite an existing file.

    Raises:
        UsageError: the file exists, or its name has another ending.
        AlkitError: as `usable_model`.
    """
    prediction_files.writer_for(path)
    prediction_files.refuse_to_overwrite(path, force=force)
    for note in source.notes:
        session.progress.line(note)
    source = _scaled_as_pool(session, source)
    keys, model = source.keys(), usable_model(session)
    result = PredictionFile(path=path, model=model)
    with PartialPredictions(path, _identity(model, source, keys, probabilities=probabilities)) as partial:
        result.resumed = partial.done
        if partial.done:
            session.progress.line(f"{partial.done:,} of {len(keys):,} images are already predicted")
        left = keys[partial.done :]
        for block in _predicted(session, model, source, left, batch_size, probabilities=probabilities):
            partial.append(block)
        prediction_files.write(_counted(partial.rows(), result), model.classes if probabilities else (), path)
    partial.path.unlink()
    return result


def _scaled_as_pool(session: CampaignSession, source: Source) -> Source:
    """Return images whose values become black and white where those of the pool do."""
    source.pixel_type = session.settings.pool.pixel_type
    if source.value_range is None:
        source.value_range = session.settings.pool.value_range
    return source


def _identity(model: UsableModel, source: Source, keys: Sequence[str], *, probabilities: bool) -> str:
    """Hash what predictions depend on, so that only those of the same images and model are continued."""
    parts = [model.trained.fingerprint, source.location, list(keys), probabilities]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _counted(rows: Iterator[PredictedImage], result: PredictionFile) -> Iterator[PredictedImage]:
    for row in rows:
        result.images += 1
        if row.label is not None:
            result.counts[row.label] += 1
        if row.error is not None:
            result.unreadable.append((row.path, row.error))
        yield row


def _predicted(
    session: CampaignSession,
    model: UsableModel,
    source: Source,
    keys: Sequence[str],
    batch_size: int | None,
    *,
    probabilities: bool,
) -> Iterator[list[PredictedImage]]:
    """Yield a record per image, in order, a batch at a time."""
    done = 0
    if batch_size is None:
        batch_size = BATCH if model.preprocessing.encoder_input is None else BATCH_OF_ENCODER
    with session.progress.bar(len(keys), "predict") as bar:
        for readings, images in model.preprocessing.batches(source, keys, batch_size):
            given = iter(_probabilities(model, images).tolist() if len(images) else ())
            yield [
                PredictedImage(path=key, error=reading.unusable)
                if reading.unusable is not None
                else _record(key, model.classes, next(given), probabilities=probabilities)
                for key, reading in zip(keys[done : done + len(readings)], readings, strict=True)
            ]
            done += len(readings)
            bar.update(len(readings))


def _probabilities(model: UsableModel, images: Tensor) -> Tensor:
    """Return [B, classes] on the CPU; outputs beyond the classes, as of a larger head, are left out."""
    with model.applied():
        found = model.task.forward(images.to(model.device)).probabilities
    assert found is not None
    return found[:, : len(model.classes)].double().cpu()


def _record(
    path: str, classes: Sequence[str], row: Sequence[float], *, probabilities: bool
) -> PredictedImage:
    best = max(range(len(row)), key=row.__getitem__)
    return PredictedImage(
        path=path,
        label=classes[best],
        confidence=round(row[best], DIGITS),
        probabilities={name: round(value, DIGITS) for name, value in zip(classes, row, strict=True)}
        if probabilities
        else None,
    )
