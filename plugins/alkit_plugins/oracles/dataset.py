"""The data set oracle: answers with the hidden labels, for simulations; optionally with errors and gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import alkit
from alkit import Answer, Oracle, option, seeding
from alkit.errors import SourceError
from alkit.labeling import masks_beside

if TYPE_CHECKING:
    from alkit import Source


@dataclass(kw_only=True)
class DatasetOracle(Oracle):
    """Answers with the labels of the data set or the folder layout.

    Whether an image gets a wrong label or none depends only on the seed and the image, not on when it is
    asked.
    """

    name: ClassVar[str] = "dataset"

    noise: float = option(
        0.0, "share of labels to replace with another class at random", minimum=0, maximum=1
    )
    abstain: float = option(0.0, "share of images to give no label", minimum=0, maximum=1)

    _keys: Sequence[str] = field(init=False, default=(), repr=False)

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:
        """Read the hidden labels.

        Raises:
            SourceError: the source has no labels.
        """
        self._keys, self._seed = keys, seed
        self._labels = source.answers() or masks_beside(Path(source.location), keys)
        if not self._labels:
            raise SourceError(
                f"{source.location} has no labels to answer with; label by hand, or use the oracle 'file'"
            )
        self.classes = source.classes

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for all images whose labels are known."""
        answers = {}
        for index in indices:
            label = self._labels.get(self._keys[index])
            if label is None:
                continue
            rng = seeding.numpy_generator(self._seed, "oracle", int(index))
            refused, wrong = rng.random(2)
            if refused < self.abstain:
                answers[index] = Answer("abstain", annotator=self.name)
                continue
            others = [name for name in self.classes if name != label]
            if wrong < self.noise and others:
                label = others[int(rng.integers(len(others)))]
            answers[index] = Answer("label", label, annotator=self.name)
        return answers


@alkit.hookimpl
def alkit_oracles() -> list[type[Oracle]]:
    """Offer the data set's own labels."""
    return [DatasetOracle]
