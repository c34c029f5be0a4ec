"""Data sets that torchvision knows, read from disk; downloaded only on request."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import SourceError

from .arrays import ArraySource
from .objects import default_root

if TYPE_CHECKING:
    from alkit.data.source import Source


_CLASSES = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "fashion-mnist": "FashionMNIST", "mnist": "MNIST"}


class Vision(ArraySource):
    """The training images of a torchvision data set as the pool, its test images as the test split.

    Args:
        name: cifar10, cifar100, fashion-mnist, mnist or svhn.
        root: the folder that torchvision is given; by default `alkit` in the user's cache folder.
        download: fetch what is missing.
        test: the test images instead.

    Raises:
        SourceError: the data set is not there, is damaged, or cannot be downloaded.
    """

    def __init__(
        self, name: str, *, root: str | None = None, download: bool = False, test: bool = False
    ) -> None:
        folder = default_root() if root is None else Path(root).expanduser().absolute()
        # torchvision prints while it downloads; standard output is for results.
        with contextlib.redirect_stdout(sys.stderr):
            images, labels, classes = _load(name, folder, download, test)
        self.root, self._name, self._test = str(folder), name, test
        super().__init__(
            f"{name}/test" if test else name,
            images,
            [classes[label] for label in labels],
            classes,
            "test/" if test else "train/",
        )

    def test_split(self) -> Source | None:
        """Return the test images."""
        return None if self._test else Vision(self._name, root=self.root, test=True)


def _load(name: str, root: Path, download: bool, test: bool) -> tuple[np.ndarray, list[int], list[str]]:
    try:
        dataset = _dataset(name, root, download, test)
    except Exception as error:  # torchvision raises anything from RuntimeError to URLError and EOFError
        if download:
            raise SourceError(f"data set '{name}' could not be downloaded to '{root}': {error}") from error
        raise SourceError(
            f"data set '{name}' is not in '{root}', or is damaged; give --root with its folder, or --download"
        ) from error
    images = np.asarray(dataset.data)
    labels = [int(label) for label in (dataset.labels if name == "svhn" else dataset.targets)]
    # MNIST's own names read "0 - zero", and SVHN has none; both are digits.
    classes = [str(digit) for digit in range(10)] if name in ("mnist", "svhn") else list(dataset.classes)
    return images, labels, classes


def _dataset(name: str, root: Path, download: bool, test: bool) -> Any:
    from torchvision import datasets  # noqa: PLC0415  # torchvision takes seconds to import

    if name == "svhn":
        return datasets.SVHN(root, split="test" if test else "train", download=download)
    return getattr(datasets, _CLASSES[name])(root, train=not test, download=download)
