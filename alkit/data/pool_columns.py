"""What a source knows of its images besides pixels and labels, in the order of the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import SourceError

if TYPE_CHECKING:
    import numpy.typing as npt


class PoolColumns:
    """The columns of a pool, read from its source when one is first asked for.

    Args:
        keys: of all images, in the order of their indices.
        read: returns the columns of the source.
    """

    def __init__(self, keys: Sequence[str], read: Callable[[], Mapping[str, Mapping[str, str]]]) -> None:
        self._keys, self._read = keys, read

    @cached_property
    def _tables(self) -> Mapping[str, Mapping[str, str]]:
        return self._read()

    def texts(self, name: str) -> list[str]:
        """Return a column as it was read, an empty text where unknown, in the order of the pool.

        Raises:
            SourceError: there is no such column.
        """
        if name not in self._tables:
            known = ", ".join(map(repr, sorted(self._tables)))
            raise SourceError(
                f"the images of this pool have no column '{name}'; "
                + (f"its columns are {known}" if known else "a CSV manifest or a Parquet file can have some")
            )
        table = self._tables[name]
        return [table.get(key, "").strip() for key in self._keys]

    def get(self, name: str) -> npt.NDArray[Any]:
        """Return a column [N]: float64, NaN where unknown, if all texts in it are numbers; otherwise text.

        Raises:
            SourceError: there is no such column.
        """
        texts = self.texts(name)
        try:
            return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
        except ValueError:
            return np.array(texts, dtype=np.str_)
