"""Rows of numbers, one per image, with the names of images and columns where a file gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alkit.errors import InvalidRows
from alkit.utils.counts import counted
from alkit.utils.mapped_files import let_go

if TYPE_CHECKING:
    import numpy.typing as npt

Kind = Literal["embeddings", "predictions"]
KINDS: Mapping[Kind, tuple[str, ...]] = {
    "embeddings": ("embeddings", "embedding", "features", "feature", "vectors", "vector", "emb"),
    "predictions": (
        *("probabilities", "predictions", "probs", "proba", "prediction", "scores", "logits"),
        *("predict_proba", "softmax", "y_prob"),
    ),
}
"""What arrays, columns and keys of each kind are called."""
CLASS_COLUMN = "p_"
"""Before the name of a class in the name of a column, as `alkit predict` writes it."""
BLOCK = 4096  # rows checked at once
HALF_EXPONENT = 0x7C00  # bits of a float16; all are set in NaN and infinities


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRows:
    """Rows of numbers.

    Attributes:
        place: the file, for messages and the record.
        values: [N, D]; predictions [N, classes, positions...]. It may be mapped from a file.
        names: of the images, one a row; None if rows are in the order of the pool.
        columns: names of the classes; None if the file has none.
        where: what a row is called in messages: row, line.
        numbers: the number of each row in the file; from 1 by default.
        nameless_is_empty: an image without a row has no objects, as in results of detection.
        notes: what was left out, or had to be found out.
    """

    place: str
    values: npt.NDArray[Any]
    names: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    where: str = "row"
    numbers: Sequence[int] | None = None
    nameless_is_empty: bool = False
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """Numbers per row: dimensions, or classes."""
        return int(self.values.shape[1])

    def number(self, row: int) -> int:
        """Return the number of a row in its file, from 1."""
        return row + 1 if self.numbers is None else self.numbers[row]

    def called(self, row: int) -> str:
        """Return what a row is called in messages: its number, and its image if the file names it."""
        name = "" if self.names is None else f" ('{self.names[row]}')"
        return f"{self.where} {self.number(row):,}{name}"


def checked(rows: NamedRows, kind: Kind) -> NamedRows:
    """Return rows whose shape fits their kind and whose numbers are finite.

    Raises:
        InvalidRows: they are not; names the first.
    """
    values, place = rows.values, rows.place
    if values.dtype.kind not in "fiub":
        raise InvalidRows(f"'{place}' holds values of type {values.dtype}, which are not numbers")
    fits = values.ndim == 2 or (values.ndim > 2 and kind == "predictions")
    if not fits or 0 in values.shape:
        wanted = "[images, dimensions]" if kind == "embeddings" else "[images, classes]"
        raise InvalidRows(f"'{place}' holds {kind} of shape {list(values.shape)}; make them {wanted}")
    if rows.names is not None and len(rows.names) != len(values):
        raise InvalidRows(
            f"'{place}' holds {counted(len(values), 'row')} but {counted(len(rows.names), 'name')} of images"
        )
    if rows.columns is not None and len(rows.columns) != rows.width:
        raise InvalidRows(
            f"'{place}' holds {counted(rows.width, 'column')} of predictions but "
            f"{counted(len(rows.columns), 'name')} of classes"
        )
    twice = [name for name in rows.columns or () if list(rows.columns or ()).count(name) > 1]
    if twice:
        raise InvalidRows(
            f"'{place}' names the class '{twice[0]}' twice; rename or remove one of the columns"
        )
    for start in range(0, len(values), BLOCK):
        let_go(values)
        block = values[start : start + BLOCK]
        if block.dtype == np.float16 and (block.view(np.uint16) & HALF_EXPONENT).max() < HALF_EXPONENT:
            continue  # what isfinite says, and several times as quick
        finite = np.isfinite(block).reshape(len(block), -1)
        if not finite.all():
            at, column = np.argwhere(~finite)[0]
            raise InvalidRows(
                f"'{place}' has a value that is not a finite number in {rows.called(start + int(at))}, "
                f"column {int(column) + 1:,}; leave such images out, or repair the file"
            )
    return rows
