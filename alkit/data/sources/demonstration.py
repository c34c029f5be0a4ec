"""The base of small data sets that are made on the spot: a pool and its test images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .arrays import ArraySource

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit.data.source import Source


class Made(NamedTuple):
    """What a demonstration is made of: images [N, H, W], their labels, and the names of all classes."""

    images: npt.NDArray[Any]
    labels: Sequence[str]
    classes: Sequence[str]


class Demonstration(ArraySource):
    """Base of such data sets.

    Args:
        test: the test images in place of the pool.

    Attributes:
        dataset: the name that opens the pool; with `/test`, it opens the test images.
    """

    answers_itself = True
    dataset: ClassVar[str]

    def __init__(self, *, test: bool = False) -> None:
        made = self.made(test=test)
        self._test = test
        location = f"{self.dataset}/test" if test else self.dataset
        super().__init__(location, made.images, made.labels, made.classes, "test/" if test else "train/")

    @staticmethod
    @abstractmethod
    def made(*, test: bool) -> Made:
        """Make the pool, or the test images."""

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> Source:
        """Open the pool, or its test images."""
        return cls(test=location.endswith("/test"))

    def test_split(self) -> Source | None:
        """Return the test images."""
        return None if self._test else type(self)(test=True)
