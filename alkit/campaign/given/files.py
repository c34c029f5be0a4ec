"""The files of a query, read and checked before anything is known of the images."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from alkit.data.rows import NamedRows, read_rows
from alkit.data.rows.named_rows import BLOCK, checked
from alkit.errors import InvalidOption, InvalidRows
from alkit.utils.mapped_files import let_go

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit.data.rows.named_rows import Kind

Rows: TypeAlias = "str | Path | npt.NDArray[Any] | NamedRows"
"""A file, or rows in memory: an array is in the order of the pool."""

SUM_TOLERANCE = 0.01
"""How far probabilities may be from a sum of one: people round them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFiles:
    """What a query is given.

    Attributes:
        embeddings: [N, D], or None.
        predictions: [N, classes, positions...], probabilities, or None.
        partial: choose among the images that have rows, instead of refusing if some have none.
    """

    embeddings: NamedRows | None = None
    predictions: NamedRows | None = None
    partial: bool = False

    @property
    def provides(self) -> frozenset[str]:
        """What a strategy can have, in the words of `Strategy.needs`."""
        given = (("embedding", self.embeddings), ("probabilities", self.predictions))
        return frozenset(word for word, rows in given if rows is not None)


def read_files(
    embeddings: Rows | None = None,
    predictions: Rows | None = None,
    *,
    logits: bool = False,
    classes: Sequence[str] = (),
    partial: bool = False,
) -> GivenFiles | None:
    """Read and check the files of a query; None if there are none.

    Args:
        embeddings: a file or an array [N, D].
        predictions: a file or an array [N, classes].
        logits: the predictions are logits, and their softmax is taken.
        classes: names of the columns, where the file does not name them.
        partial: see `GivenFiles`.

    Raises:
        InvalidRows: a file cannot be read, or its numbers cannot be what they should be.
        InvalidOption: an option of a file that is not given.
    """
    if predictions is None and (logits or classes):
        option = "--logits" if logits else "--prediction-classes"
        raise InvalidOption(f"{option} is about predictions; name them with --predictions FILE")
    if embeddings is None and predictions is None:
        if partial:
            raise InvalidOption("--partial is about files; name one with --embeddings or --predictions")
        return None
    found = None if predictions is None else _opened(predictions, "predictions")
    if found is not None and not isinstance(predictions, NamedRows):
        found = _named(found, classes)
        found = as_probabilities(found, logits=logits)
    return GivenFiles(
        embeddings=None if embeddings is None else _opened(embeddings, "embeddings"),
        predictions=found,
        partial=partial,
    )


def _opened(given: Rows, kind: Kind) -> NamedRows:
    if isinstance(given, NamedRows):
        return given
    if isinstance(given, np.ndarray):
        return checked(NamedRows(place=f"the array of {kind}", values=given), kind)
    return read_rows(given, kind)


def _named(rows: NamedRows, classes: Sequence[str]) -> NamedRows:
    if not classes:
        return rows
    if rows.columns is not None and list(rows.columns) != list(classes):
        raise InvalidOption(
            f"--prediction-classes names other classes than '{rows.place}' does itself; leave it out"
        )
    return checked(dataclasses.replace(rows, columns=list(classes)), "predictions")


def as_probabilities(rows: NamedRows, *, logits: bool) -> NamedRows:
    """Return predictions as probabilities.

    Raises:
        InvalidRows: they are negative, or do not sum to one.
    """
    if logits:
        values = np.asarray(rows.values, dtype=np.float64)
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return dataclasses.replace(rows, values=values / values.sum(axis=1, keepdims=True))
    for start in range(0, len(rows), BLOCK):
        let_go(rows.values)
        block = np.asarray(rows.values[start : start + BLOCK], dtype=np.float64)
        sums = block.sum(axis=1).reshape(len(block), -1)
        wrong = (np.abs(sums - 1) > SUM_TOLERANCE).any(axis=1) | (block < 0).reshape(len(block), -1).any(
            axis=1
        )
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InvalidRows(_not_probabilities(rows, start + at, block[at], sums[at]))
    return rows


def _not_probabilities(
    rows: NamedRows, row: int, block: npt.NDArray[np.float64], sums: npt.NDArray[np.float64]
) -> str:
    where = f"{rows.called(row)} of '{rows.place}'"
    if rows.width == 1:
        return (
            f"'{rows.place}' has a single column of probabilities; write one column a class, "
            "two for yes and no"
        )
    if (block < 0).any():
        return f"{where} has {block.min():g}, which is not a probability; if these are logits, add --logits"
    worst = sums[np.argmax(np.abs(sums - 1))]
    return f"the probabilities in {where} sum to {worst:.4g} instead of 1; if these are logits, add --logits"


def digest(rows: NamedRows) -> str:
    """Return the hex SHA-256 of a file's content, or of an array's."""
    path = Path(rows.place)
    found = hashlib.sha256()
    if path.is_file():
        with open(path, "rb") as file:
            while block := file.read(2**20):
                found.update(block)
    else:
        found.update(np.ascontiguousarray(rows.values).data)
    return found.hexdigest()


def made_from(recorded: Mapping[str, Mapping[str, Any]], files: GivenFiles) -> bool:
    """Say whether a recorded query was made from files of this content."""
    given = {"embeddings": files.embeddings, "predictions": files.predictions}
    return all(
        rows is None or recorded.get(kind, {}).get("sha256") == digest(rows) for kind, rows in given.items()
    )
