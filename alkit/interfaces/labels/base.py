"""The interface of labels: how the text that people write becomes a value, and what can be done with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.data.text_tables import is_empty

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.data.preprocessing import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What is known of the image that a label is for.

    Attributes:
        index: position in the pool.
        key: name in the pool.
        width: width of the upright image in pixels; 0 if unknown.
        height: height of the upright image in pixels; 0 if unknown.
        folders: where relative paths in a label may start.
    """

    index: int = -1
    key: str = ""
    width: int = 0
    height: int = 0
    folders: Sequence[Path] = ()

    @classmethod
    def of(cls, record: ImageRecord, folders: Sequence[Path]) -> ImageFacts:
        """Return the facts of an image that was read.

        Args:
            record: of the image.
            folders: where relative paths in a label may start.
        """
        return cls(
            index=record.index, key=record.key, width=record.width, height=record.height, folders=folders
        )


@dataclass(kw_only=True)
class Labels(ABC):
    """Base of all kinds of labels; it needs neither torch nor a model.

    Values are JSON. Large ones are files in the campaign, and the value is their name.

    Attributes:
        kind: what formats call it: `class`, `classes`, `number`, `mask`, `boxes`.
        named: values consist of class names, from a list that the campaign keeps.
        fits_size: `parse` compares a label with the size of the image.
        agrees_from: annotators whose values agree this well are not in dispute.
        nothing: the text that says that nothing is in an image: an answer, not an empty cell.
        classes: class names in the order of their numbers.
        slots: the present name of every class that there has ever been, in the order in which they were
            added; None for a retired one. The classes themselves by default.
        folder: the campaign's directory, which holds large values; None if there is none.
    """

    kind: ClassVar[str]
    named: ClassVar[bool] = False
    fits_size: ClassVar[bool] = False
    agrees_from: ClassVar[float] = 1.0
    nothing: ClassVar[str] = ""

    classes: Sequence[str] = ()
    slots: Sequence[str | None] = ()
    folder: Path | None = None

    def __post_init__(self) -> None:
        """Let every class have its slot."""
        self.slots = tuple(self.slots) or tuple(self.classes)

    @abstractmethod
    def parse(self, text: str, image: ImageFacts) -> Any:
        """Turn the text of a label, as people write it, into the value that is kept (JSON).

        A class name that the campaign does not know is not an error here; see `names`.

        Raises:
            ValueError: it is not such a label, or does not fit the image; the message says why.
        """

    def is_blank(self, text: str) -> bool:
        """Say whether a label that is not a class is only an empty cell, or a program's word for that."""
        return is_empty(text) and (not self.nothing or text.strip() != self.nothing)

    @abstractmethod
    def text(self, value: Any) -> str:
        """Write a value as text, so that `parse` returns the same value."""

    def names(self, value: Any) -> Sequence[str]:
        """Return the names of the classes that are in a value, to check and to count; none for numbers."""
        return ()

    def declared(self, words: Iterable[str]) -> Sequence[str]:
        """Return the class names in what an oracle says that it may answer."""
        return ()

    def can_name(self, name: str) -> bool:
        """Say whether a class may have this name."""
        return bool(name) and name == name.strip()

    def new_classes(self, names: Iterable[str]) -> list[str]:
        """Return the classes to add for names that are new, in the order in which to add them."""
        return list(names)

    def agreement(self, first: Any, second: Any) -> float:
        """Return how well two values agree, in [0, 1]."""
        return float(first == second)

    def draw(self, value: Any, pixels: Pixels) -> Pixels | None:
        """Draw a value over an image [H, W, 3] and return the result, or None if there is nothing to draw."""
        return None

    def effort(self, value: Any) -> Mapping[str, float]:
        """Return what a label takes people to make, by unit, as far as that differs between images.

        Reports show learning against it, and compare strategies at equal effort. By default all labels take
        as much, and nothing is returned.

        Args:
            value: what `parse` returned.
        """
        return {}

    def resized(self, value: Any, before: tuple[int, int], after: tuple[int, int]) -> Any:
        """Return the value for an image that was resized; the same by default.

        Task models get values for images of the size that they see.

        Args:
            value: what `parse` returned.
            before: (width, height) that it is for; zeros if unknown.
            after: (width, height) that the image has now.
        """
        return value

    def keep(self, values: Iterable[Any]) -> None:  # noqa: B027  # optional
        """Write the files of large values that were parsed, before the values are recorded."""
