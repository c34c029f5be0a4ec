"""A CSV file answers: `image,label`, images by path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import alkit
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.labeling.tables import ABSTAIN, UNUSABLE, GivenAnswer, read_answers
from alkit.options import option
from alkit.oracle import Answer, AnswerKind, Oracle

if TYPE_CHECKING:
    from alkit.sources import Source


@dataclass(kw_only=True)
class FileOracle(Oracle):
    """Answers from a file; images that it does not name stay asked."""

    name: ClassVar[str] = "file"

    path: str = option("", "CSV file with the columns image and label")

    def __post_init__(self) -> None:
        """Keep the whole path, for a campaign is opened from other directories too."""
        if self.path:
            self.path = str(Path(self.path).absolute())

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:
        """Read the file.

        Raises:
            InvalidOption: no file is named.
            InvalidAnswers: it cannot be read, or a line of it cannot.
        """
        if not self.path:
            raise InvalidOption("oracle 'file' needs a file: --oracle-option path=labels.csv")
        answers, rejected, _ = read_answers(Path(self.path), annotator=self.name)
        if rejected:
            line, reason = rejected[0]
            raise InvalidAnswers(f"line {line} of {self.path} {reason}")
        labels = {answer.image: answer for answer in answers}
        self._answers = {
            index: given
            for index, key in enumerate(keys)
            if (given := labels.get(key) or labels.get(str(index))) is not None
        }

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for the images that the file names."""
        return {index: _answer(given) for index in indices if (given := self._answers.get(index)) is not None}


def _answer(given: GivenAnswer) -> Answer:
    if given.label in (ABSTAIN, UNUSABLE):
        kind: AnswerKind = "abstain" if given.label == ABSTAIN else "unusable"
        return Answer(kind, None, given.annotator, given.time, given.cost)
    return Answer("label", given.label, given.annotator, given.time, given.cost)


@alkit.hookimpl
def alkit_oracles() -> list[type[Oracle]]:
    """Offer answers from a file."""
    return [FileOracle]
