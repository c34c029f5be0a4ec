"""The hidden labels of a data set answer, for simulations; optionally with errors and refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import alkit
from alkit import Answer, Oracle, option, seeding
from alkit.errors import SourceError

if TYPE_CHECKING:
    from alkit import Source


@dataclass(kw_only=True)
class DatasetOracle(Oracle):
    """Answers with the labels that the data set or the folder layout knows.

    Whether an image is mislabeled or refused depends on the seed and the image only, not on when it is asked.
    """

    name: ClassVar[str] = "dataset"

    noise: float = option(0.0, "share of labels replaced by another class, at random", minimum=0, maximum=1)
    abstain: float = option(0.0, "share of images that get no label", minimum=0, maximum=1)

    _keys: Sequence[str] = field(init=False, default=(), repr=False)

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:
        """Read the hidden labels.

        Raises:
            SourceError: the source knows none.
        """
        self._labels, self._keys, self._seed = source.answers(), keys, seed
        if not self._labels:
            raise SourceError(
                f"{source.location} knows no labels, so it cannot answer; label by hand or by file"
            )
        self.classes = source.classes

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for every image whose label is known."""
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
