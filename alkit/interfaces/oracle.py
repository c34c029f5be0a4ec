"""What an oracle is: somebody who answers which label an image has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        annotator: who said so.
        time: when, ISO 8601 in UTC; the moment of acceptance if empty.
        cost: what it cost, in the campaign's own unit, or None.
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
        classes: class names that it may answer with, known after `connect`; they need no permission.
        notes: sentences for a person about what it makes no use of, known after `connect`.
    """

    name: ClassVar[str]

    classes: tuple[str, ...] = field(init=False, default=(), repr=False)
    notes: tuple[str, ...] = field(init=False, default=(), repr=False)

    def connect(self, source: Source, keys: Sequence[str], seed: int) -> None:  # noqa: B027  # optional
        """Learn about the pool: where images come from, the key of each index, the campaign's seed."""

    @abstractmethod
    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        """Answer for images by index; what is left out stays asked."""
