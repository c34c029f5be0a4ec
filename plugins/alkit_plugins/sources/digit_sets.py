"""Images made from scikit-learn's digits as a pool with several classes per image."""

from __future__ import annotations

import alkit
from alkit.data import DigitSets


class DigitSetsPool(DigitSets):
    """Images made from scikit-learn's digits, with several classes per image: no download."""

    name = "digit-sets"
    datasets = ("digit-sets",)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [DigitSetsPool]
