"""One answer as it came in, before anything is looked up."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from alkit.data.text_tables import is_empty

from .file_names import find_mark

ABSTAIN = "abstain"
"""The answer of an annotator who cannot tell."""
UNUSABLE = "unusable"
"""The answer for an image that nobody can label."""
NOTHING = "none"
"""The text of an empty set, unless a class has this name, and of boxes where there is no object."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer as it came in: the line, the image as it was named, and the text of the label.

    Whatever names the image (`image`, `hash`, `index`, `others`) has to name the same one.

    Attributes:
        line: in the file, from 1; 0 if there is no file.
        image: path or hash, as it was written: a file's name may begin or end with a space.
        label: a class name, `abstain` or `unusable`, as it was written; see `meant`.
        hash: the content hash, or its first digits, at least eight.
        index: position in the pool.
        others: other paths that the same line gives.
    """

    line: int
    image: str
    label: str
    annotator: str = ""
    time: str = ""
    cost: float | None = None
    hash: str = ""
    index: int | None = None
    others: tuple[str, ...] = ()

    @classmethod
    def naming(cls, image: str | int, label: str = "") -> GivenAnswer:
        """Return an answer without a file, to an image by its path, file name or hash, or by its position."""
        return cls(0, image, label) if isinstance(image, str) else cls(0, "", label, index=image)

    @classmethod
    def of_file(cls, line: int, name: str, label: str) -> GivenAnswer:
        """Return the answer for a file: by the index and hash that alkit put in its name, or by the name."""
        mark = find_mark(name)
        return (
            cls(line, name, label) if mark is None else cls(line, "", label, index=int(mark[0]), hash=mark[1])
        )

    @property
    def named(self) -> str:
        """How the line names its image, for messages."""
        return self.image or (f"index {self.index}" if self.index is not None else f"hash {self.hash[:8]}...")

    def meant(self, classes: Collection[str]) -> str:
        """Return the class that the label means, or else the label without spaces around it.

        A label means a class that is written the same; the same without spaces around it; the same in
        Unicode's composed form (NFC), whatever form either is in; or the same number (`1.0` and `1`).
        """
        if self.label in classes:
            return self.label
        label = composed(self.label)
        if label in classes:
            return label
        same = {composed(name): name for name in classes}
        if label in same:
            return same[label]
        number = as_number(label)
        equal = [name for name in classes if number is not None and as_number(name) == number]
        return equal[0] if len(equal) == 1 else label

    def is_blank(self, classes: Collection[str], nothing: str = "") -> bool:
        """Say whether the label is empty, or a program's word for that (`nan`, `NA`) and no class.

        Args:
            classes: that there are.
            nothing: the label that says that nothing is in an image, if there is one.
        """
        if nothing and self.label.strip() == nothing:
            return False
        return is_empty(self.label) and self.meant(classes) not in classes


def composed(text: str) -> str:
    """Return a text without spaces around it, in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", text.strip())


def as_number(text: str) -> float | None:
    """Return the number that a text of ASCII digits is, or None."""
    if len(text) > 30 or not text.isascii() or not text[:1].isdigit():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_index(text: str) -> int | None:
    """Return the position that a text is (`7`, also `7.0`, as tables write it), or None."""
    number = as_number(text.strip())
    return int(number) if number is not None and number.is_integer() and number < 2**53 else None
