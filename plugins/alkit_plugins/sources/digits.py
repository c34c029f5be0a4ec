"""The handwritten digits of scikit-learn as a pool."""

from __future__ import annotations

import alkit
from alkit.data import Digits


class DigitsPool(Digits):
    """The handwritten digits that come with scikit-learn: a demonstration that needs no download."""

    name = "digits"
    datasets = ("digits",)

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the pool, or its test images."""
        return cls(test=location.endswith("/test"))


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [DigitsPool]
