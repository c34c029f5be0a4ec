"""The interface of oracles, which answer with the labels of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from alkit.data.source import Source


AnswerKind = Literal["label", "abstain", "unusable"]
"""What an answer is: a label, or one of the two ways to give none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one image.

    Attributes:
        kind: `label`; `abstain` (the annotator cannot tell); `unusable` (the image cannot be labeled).
        value: the label (a class name for classification), None unless `kind` is `label`.
        annotator: who answered.
        time: time of the answer, ISO 8601 in UTC; if empty, the time at which it is taken in.
        cost: cost of the answer in the campaign's own unit, or None.
    """

    kind: AnswerKind = "label"
    value: Any = None
    annotator: str = ""
    time: str = ""
    cost: float | None = None


@dataclass(kw_only=True)
class Oracle(ABC):
    """Base of all oracles; the dataclass fields of a subclass are its options.

    Attributes:
        name: what the user types, the same as the entry point.
        classes: class names that it can answer with, known after `connect`; they are always allowed.
        folders: where relative paths in its labels start, known after `connect`.
        notes: sentences for the user about what it does not use, known after `connect`.
    """

    name: ClassVar[str]

    classes: tuple[str, ...] = field(init=False, default=(), repr=False)
    folders: tuple[Path, ...] = field(init=False, default=(), repr=False)
    notes: tuple[str, ...] = field(init=False, default=(), repr=False)

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:  # noqa: B027  # optional
        """Prepare for a pool: the source of its images, the key of each index, and the campaign's seed."""

    @abstractmethod
    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for images by index; images left out stay unanswered."""
