"""What the model of a campaign suggests for images that are sent to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from alkit.campaign.record.trainings import history
from alkit.errors import InvalidOption
from alkit.interfaces.format import Item, Prediction
from alkit.interfaces.labels import Boxes, Labels, Mask

from .box_predictions import boxes_in_pixels
from .mask_predictions import at_size
from .predict import BATCH_OF_ENCODER, predicted_blocks
from .trained import UsableModel, usable_model

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Pixels
    from alkit.campaign.session import CampaignSession
    from alkit.training.types import Output

Row = TypeVar("Row")

BATCH = 32
SURE = 0.5  # from this score on, a box is shown
LABELS = ("class", "classes", "number")  # what `predict` says as text


def suggestions(session: CampaignSession, labels: Labels, items: Sequence[Item]) -> dict[int, Prediction]:
    """Return the labels that the model of the latest training predicts, by index; none of unreadable images.

    Args:
        session: the campaign.
        labels: what writes them; it holds large values, of which the campaign keeps no file.
        items: the images.

    Raises:
        InvalidOption: no model is trained, or it predicts nothing that can be shown.
    """
    if not history(session.ledger):
        raise InvalidOption(
            "there are no predictions, since no model is trained yet; run 'alkit train' first, or leave "
            "predictions out"
        )
    model = usable_model(session, kinds=(*LABELS, "mask", "boxes"))
    if isinstance(labels, Mask):
        predicted = _masks(session, model, labels, items)
    elif isinstance(labels, Boxes):
        predicted = _boxes(session, model, labels, items)
    else:
        predicted = _labels(session, model, items)
    return {item.index: found for item, found in zip(items, predicted, strict=True) if found is not None}


def _labels(
    session: CampaignSession, model: UsableModel, items: Sequence[Item]
) -> Iterator[Prediction | None]:
    keys = [item.image for item in items]
    for block in predicted_blocks(session, model, session.source, keys, None, probabilities=False):
        for image in block:
            sure = image.confidence if image.kind != "number" and image.confidence is not None else 1.0
            yield None if image.label is None else Prediction(image.label, sure)


def _masks(
    session: CampaignSession, model: UsableModel, labels: Mask, items: Sequence[Item]
) -> Iterator[Prediction | None]:
    """Yield the mask of each image at its own size."""
    slots = np.array([labels.slots.index(name) for name in model.classes], dtype=np.uint8)

    def rows(output: Output, _: Sequence[tuple[int, int]]) -> Iterator[Tensor]:
        assert output.probabilities is not None
        yield from output.probabilities[:, : len(model.classes)].float().cpu()

    for item, row in _rows(session, model, items, rows):
        yield None if row is None else _mask(labels, slots, row, item)


def _boxes(
    session: CampaignSession, model: UsableModel, labels: Boxes, items: Sequence[Item]
) -> Iterator[Prediction | None]:
    """Yield the boxes of each image in its own pixels, those that are rather right than wrong."""

    def rows(output: Output, sizes: Sequence[tuple[int, int]]) -> Iterator[list[dict[str, Any]]]:
        assert output.objects is not None
        yield from boxes_in_pixels(model, output.objects, sizes, SURE)

    for _, row in _rows(session, model, items, rows):
        sure = min((box["score"] for box in row or ()), default=1.0)
        yield None if row is None else Prediction(labels.text(row), sure)


def _rows(
    session: CampaignSession,
    model: UsableModel,
    items: Sequence[Item],
    rows: Callable[[Output, Sequence[tuple[int, int]]], Iterator[Row]],
) -> Iterator[tuple[Item, Row | None]]:
    """Yield each item with its row of the model's output; None if the image cannot be read.

    Args:
        session: the campaign.
        model: what predicts.
        items: the images.
        rows: of an output, given the (width, height) of its images.
    """
    keys = [item.image for item in items]
    size = BATCH if model.preprocessing.encoder_input is None else BATCH_OF_ENCODER
    waiting = iter(items)
    with session.progress.bar(len(keys), "predict") as bar:
        for readings, images in model.preprocessing.batches(session.source, keys, size):
            found: Iterator[Row] = iter(())
            if len(images):
                sizes = [(each.width, each.height) for each in readings if each.unusable is None]
                with model.applied():
                    found = iter(list(rows(model.task.forward(images.to(model.device)), sizes)))
            for reading in readings:
                yield next(waiting), None if reading.unusable is not None else next(found)
            bar.update(len(readings))


def _mask(labels: Mask, slots: Pixels, row: Tensor, item: Item) -> Prediction:
    numbers, sure = at_size(row, (item.height, item.width))
    return Prediction(labels.of_numbers(slots[numbers]), sure)
