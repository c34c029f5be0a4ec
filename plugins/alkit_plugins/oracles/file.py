"""The file oracle: answers from a CSV file `image,label`, with images as in every table of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import alkit
from alkit import Answer, AnswerKind, Oracle, option
from alkit.data import unread_records
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.labeling import ABSTAIN, UNUSABLE, GivenAnswer, References, Rejection, read_labels

if TYPE_CHECKING:
    from alkit import Source


@dataclass(kw_only=True)
class FileOracle(Oracle):
    """Answers from a file, or from a folder of masks; images that it does not name stay unanswered."""

    name: ClassVar[str] = "file"

    path: str = option("", "CSV file with the columns image and label, or folder of masks")

    def __post_init__(self) -> None:
        """Make the path absolute, since a campaign can be opened from other directories."""
        if self.path:
            self.path = str(Path(self.path).absolute())

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:
        """Read the file.

        Raises:
            InvalidOption: no file is named.
            InvalidAnswers: the file or one of its lines cannot be read.
        """
        if not self.path:
            raise InvalidOption("oracle 'file' needs a file: --oracle-option path=labels.csv")
        table = read_labels(Path(self.path))
        if table.rejected:
            first = table.rejected[0]
            raise InvalidAnswers(f"line {first.line} of {self.path} {first.reason}")
        self.folders = (Path(self.path).parent,)
        references = References(unread_records(keys), Path(source.location), [Path(self.path).parent])
        given = [answer for answer in table.answers if not answer.is_blank(source.classes, source.nothing)]
        self._answers: dict[int, Answer] = {}
        unknown: list[Rejection] = []
        for answer, index in zip(given, references.find_all(given), strict=True):
            if isinstance(index, Rejection):
                unknown.append(index)
            else:
                self._answers[index] = _answer(answer, source.classes, self.name)
        labels = {answer.value for answer in self._answers.values() if answer.kind == "label"}
        self.classes = tuple(sorted(labels))
        if unknown:
            self.notes = (
                f"lines of {self.path} that name no image in this pool: {len(unknown):,}; the first is line "
                f"{unknown[0].line}: {unknown[0].reason}",
            )

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for the images that the file names."""
        return {index: self._answers[index] for index in indices if index in self._answers}


def _answer(given: GivenAnswer, classes: Sequence[str], oracle: str) -> Answer:
    """Return the answer of a line; if `abstain` or `unusable` is the name of a class, it is a label."""
    label = given.meant(classes)
    if label in (ABSTAIN, UNUSABLE) and label not in classes:
        kind: AnswerKind = "abstain" if label == ABSTAIN else "unusable"
        return Answer(kind, None, given.annotator or oracle, given.time, given.cost)
    return Answer("label", label, given.annotator or oracle, given.time, given.cost)


@alkit.hookimpl
def alkit_oracles() -> list[type[Oracle]]:
    """Offer answers from a file."""
    return [FileOracle]
