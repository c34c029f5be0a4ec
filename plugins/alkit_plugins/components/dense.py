"""Scores of positions, such as pixels, and what they say about an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import alkit
from alkit import option
from alkit.training import Reduction

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Output

REDUCE_HELP = (
    "how scores of pixels become that of an image: their mean, that of the highest tenth, or the highest"
)


@dataclass(kw_only=True)
class DenseScoreStrategy(alkit.ScoreStrategy):
    """Base of strategies that score images, or each of their positions; padding does not count."""

    reduce: Reduction = option("mean", REDUCE_HELP)

    def per_image(self, output: Output, scores: Tensor) -> Tensor:
        """Turn scores of positions [B, positions...] into one for each image, [B]."""
        return output.per_image(scores, self.reduce)
