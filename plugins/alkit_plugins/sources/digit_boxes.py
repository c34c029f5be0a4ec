"""Pictures made from scikit-learn's digits as a pool of objects to find."""

from __future__ import annotations

import alkit
from alkit.data import DigitBoxes


class DigitBoxesPool(DigitBoxes):
    """Pictures with several of scikit-learn's digits, labeled with boxes: no download."""

    name = "digit-boxes"
    datasets = ("digit-boxes",)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [DigitBoxesPool]
