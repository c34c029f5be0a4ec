"""The handwritten digits of scikit-learn as a pool."""

from __future__ import annotations

import alkit
from alkit.data import Digits


class DigitsPool(Digits):
    """The handwritten digits that come with scikit-learn: a demonstration that needs no download."""

    name = "digits"
    datasets = ("digits",)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [DigitsPool]
