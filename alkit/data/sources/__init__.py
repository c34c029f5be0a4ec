"""What sources are made of: folders, manifests, arrays, vectors, data sets, lists of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit.errors import SourceError

if TYPE_CHECKING:
    from alkit.data.source import Source

VECTORS = "vectors:"


def with_pixels(source: Source) -> Source:
    """Return a source if it has pixels.

    Raises:
        SourceError: it holds vectors only.
    """
    if not source.has_pixels:
        raise SourceError(
            f"'{source.location}' holds vectors without pixels; they can only be a pool that "
            "'alkit query' chooses from"
        )
    return source
