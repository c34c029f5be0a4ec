"""What the outputs of a network without alkit mean, by the kind of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from .types import Objects, Output

MEANINGS = {
    "class": "probabilities",
    "classes": "probabilities",
    "number": "numbers",
    "mask": "probabilities",
    "boxes": "boxes",
}
"""What the outputs are called, by the kind of labels; other kinds cannot be exported."""


def meaning_of(kind: str, outputs: Tensor) -> Tensor:
    """Return what the outputs of a portable network say: probabilities, or numbers and boxes as they are.

    Args:
        kind: of the labels.
        outputs: logits [B, L], for masks [B, classes, H, W]; numbers, with their deviations after them; or
            candidates for boxes [B, N, 4 + classes].
    """
    if kind in ("number", "boxes"):
        return outputs.float()
    return outputs.float().sigmoid() if kind == "classes" else outputs.float().softmax(dim=1)


def own_meaning(kind: str, output: Output) -> Tensor | None:
    """Return the same of a task's own output, or None if the task does not give it.

    Of boxes it is the objects that were chosen: corners, score and number of the class, [B, M, 6].
    """
    if kind == "boxes":
        return None if output.objects is None else _rows(output.objects)
    if kind == "number":
        if output.numbers is None or output.variances is None:
            return output.numbers
        return torch.cat([output.numbers, output.variances.sqrt()], dim=1)
    if kind == "classes" and output.probabilities is not None:
        return output.probabilities[:, 1]
    return output.probabilities


def _rows(objects: Objects) -> Tensor:
    return torch.cat([objects.boxes, objects.scores[..., None], objects.classes[..., None].float()], dim=2)


def gap_between(kind: str, own: Tensor, other: Tensor) -> float:
    """Return the largest difference, in proportion to the largest value if that is above one.

    Boxes are compared with the candidates nearest to them: what is chosen may differ where two are alike.

    Args:
        kind: of the labels.
        own: what `own_meaning` returned.
        other: what `meaning_of` returned.
    """
    own, other = own.float().cpu(), other.float().cpu()
    if kind == "boxes":
        return max(_gap_of_boxes(*each) for each in zip(own, other, strict=True))
    return float((own - other).abs().max() / own.abs().max().clamp_min(1.0))


def _gap_of_boxes(objects: Tensor, candidates: Tensor) -> float:
    """Return how far the objects [M, 6] of an image are at most from candidates [N, 4 + classes]."""
    objects = objects[objects[:, 4] > 0]
    if not len(objects):
        return 0.0
    side = candidates[:, :4].abs().max().clamp_min(1.0)
    places = (objects[:, None, :4] - candidates[None, :, :4]).abs().amax(dim=2) / side
    scores = (objects[:, 4, None] - candidates[:, 4:].T[objects[:, 5].long()]).abs()
    unseen = (candidates[:, 4:].max() - objects[:, 4].max()).clamp_min(0)
    return float(torch.maximum(places, scores).amin(dim=1).max().maximum(unseen))
