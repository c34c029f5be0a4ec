"""What the model of a campaign suggests for images that are sent to people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alkit.campaign.record.trainings import history
from alkit.errors import InvalidOption
from alkit.interfaces.format import Item, Prediction
from alkit.interfaces.labels import Labels, Mask

from .predict import BATCH_OF_ENCODER, predicted_blocks
from .predictions import DIGITS
from .trained import UsableModel, usable_model

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Pixels
    from alkit.campaign.session import CampaignSession

BATCH = 32
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
    model = usable_model(session, kinds=(*LABELS, "mask"))
    if isinstance(labels, Mask):
        predicted = _masks(session, model, labels, items)
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
    keys = [item.image for item in items]
    size = BATCH if model.preprocessing.encoder_input is None else BATCH_OF_ENCODER
    waiting = iter(items)
    with session.progress.bar(len(keys), "predict") as bar:
        for readings, images in model.preprocessing.batches(session.source, keys, size):
            rows = iter(_probabilities(model, images) if len(images) else ())
            for reading in readings:
                item = next(waiting)
                yield None if reading.unusable is not None else _mask(labels, slots, next(rows), item)
            bar.update(len(readings))


def _probabilities(model: UsableModel, images: Tensor) -> Tensor:
    """Return the probability of each class at each position, [B, classes, H, W] on the CPU."""
    with model.applied():
        output = model.task.forward(images.to(model.device))
    assert output.probabilities is not None
    return output.probabilities[:, : len(model.classes)].float().cpu()


def _mask(labels: Mask, slots: Pixels, row: Tensor, item: Item) -> Prediction:
    from torch.nn import functional  # noqa: PLC0415  # torch takes seconds to import

    size = (item.height, item.width)
    best = functional.interpolate(row[None], size, mode="bilinear", align_corners=False)[0].max(dim=0)
    value = labels.of_numbers(slots[best.indices.numpy()])
    return Prediction(value, round(float(best.values.mean()), DIGITS))
