"""Images made from scikit-learn's digits as a pool with a number per image."""

from __future__ import annotations

import alkit
from alkit.data import DigitAngles


class DigitAnglesPool(DigitAngles):
    """Images made from scikit-learn's digits, with a number per image: no download."""

    name = "digit-angles"
    datasets = ("digit-angles",)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [DigitAnglesPool]
