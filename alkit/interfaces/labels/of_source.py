"""The labels that a source of images knows, read as a task takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import SourceError
from alkit.labeling.mask_folder import masks_beside
from alkit.labeling.rejection import shortened

from .base import ImageFacts, Labels

if TYPE_CHECKING:
    from alkit.data.source import Source


def written_labels(source: Source, labels: Labels) -> dict[str, str]:
    """Return the text of the label of each image of a source, by key, where it is known.

    The masks of a folder of images are in a folder beside it.
    """
    if labels.kind == "mask" and (folder := Path(source.location)).is_dir():
        return masks_beside(folder, source.keys())
    source.nothing = labels.nothing
    return source.answers()


def values_of(source: Source, written: Mapping[str, str], labels: Labels, task: str) -> dict[str, Any]:
    """Return the value of each label of a source, by key; files of large values are kept.

    Args:
        source: the images.
        written: the text of each label, by key.
        labels: what reads them.
        task: name of the task, for messages.

    Raises:
        SourceError: a label does not fit.
    """
    values: dict[str, Any] = {}
    for key, text in written.items():
        try:
            values[key] = labels.parse(text, _facts(source, key, labels))
        except ValueError as error:
            raise SourceError(
                f"the images in {source.location} do not fit task '{task}': "
                f"label '{shortened(text)}' of '{key}': {error}"
            ) from error
    labels.keep(values.values())
    return values


def _facts(source: Source, key: str, labels: Labels) -> ImageFacts:
    """Return what a label may have to fit; the size only where that matters."""
    header = source.header(key) if labels.fits_size else None
    _, height, width = header or (0, 0, 0)
    return ImageFacts(key=key, width=width, height=height, folders=folders_of(source.location))


def folders_of(location: str) -> tuple[Path, ...]:
    """Return where relative paths in the labels of a source may start."""
    folder = Path(location)
    return (folder if folder.is_dir() else folder.parent,)
