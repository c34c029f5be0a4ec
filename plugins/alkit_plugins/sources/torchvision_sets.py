"""The data sets of torchvision as pools."""

from __future__ import annotations

import alkit
from alkit.data import Vision


class VisionPool(Vision):
    """Data sets that torchvision knows, read from disk; downloaded only on request."""

    name = "torchvision"
    datasets = ("cifar10", "cifar100", "fashion-mnist", "mnist", "svhn")

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open a data set's training images, or its test images."""
        name, _, split = location.removeprefix(f"{cls.name}:").partition("/")
        return cls(name, root=root, download=download, test=split == "test")


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [VisionPool]
