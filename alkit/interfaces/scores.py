"""Scores of a batch, as a strategy returns them: one for each image, or one for each of its positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from alkit.training.types import Output


def checked_scores(scores: Any, output: Output) -> torch.Tensor:
    """Return the scores of a batch as floating point if they have a possible shape.

    Args:
        scores: what `ScoreStrategy.score` returned.
        output: of the same batch.

    Raises:
        TypeError: they are not a tensor.
        ValueError: they are not [B], or [B, positions...] where the output has positions.
    """
    if not isinstance(scores, torch.Tensor):
        found = "nothing" if scores is None else type(scores).__name__
        raise TypeError(f"score should return a torch.Tensor, not {found}")
    shape, count = tuple(scores.shape), _count(output)
    if not shape or shape[0] != count:
        raise ValueError(f"score should return one number for each of {count} images, not the shape {shape}")
    if len(shape) > 1 and not _has_positions(output):
        raise ValueError(
            f"score should return one number for each of {count} images, not the shape {shape}: "
            "the output has no positions"
        )
    return scores if scores.is_floating_point() else scores.float()


def _count(output: Output) -> int:
    known = (output.probabilities, output.numbers, output.embedding, output.prediction)
    return len(next(tensor for tensor in known if isinstance(tensor, torch.Tensor)))


def _has_positions(output: Output) -> bool:
    if output.weights is not None or output.objects is not None or output.probabilities is None:
        return True
    return output.probabilities.dim() > 2
