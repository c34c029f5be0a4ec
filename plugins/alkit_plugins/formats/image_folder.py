"""The base of formats that are a folder with the images in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import alkit
from alkit.interfaces import Export, Format, Item
from alkit.labeling import place


@dataclass(kw_only=True)
class ImageFolder(Format):
    """Base of such formats: they share how images are put into the folder."""

    extensions: ClassVar[tuple[str, ...]] = ("",)

    images: Literal["copy", "link"] = alkit.option(
        "copy", "copies of the images, or symbolic links (a tool that writes to a link changes the original)"
    )

    def put(self, export: Export, item: Item, path: Path) -> None:
        """Put an image in its place, as a copy or as a link."""
        place(export, item, path, link=self.images == "link")
