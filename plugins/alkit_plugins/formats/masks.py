"""Masks: a folder with one image file per mask, named like its image."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import alkit
from alkit.errors import InvalidOption
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import ABSTAIN, UNUSABLE, masks_in, place, read_mask_folder, whole, write_atomically

IMAGES, MASKS, CLASSES = "images", "masks", "classes.txt"


@dataclass(kw_only=True)
class Masks(Format):
    """A folder of PNG masks; each pixel has the number of its class, as `classes.txt` lists them, or 255.

    The export has folders `images/` and `masks/`; a mask comes back by the path of its image.
    """

    name: ClassVar[str] = "masks"
    extensions: ClassVar[tuple[str, ...]] = ("",)
    unit: ClassVar[str] = "file"
    kinds: ClassVar[frozenset[str]] = frozenset({"mask"})

    def recognizes(self, path: Path) -> bool:
        """Accept a folder with image files that may be masks."""
        return path.is_dir() and bool(masks_in(_masks_of(path)))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the images, the masks of those that have one, and the names of the classes."""
        with whole(path) as folder:
            (folder / IMAGES).mkdir()
            (folder / MASKS).mkdir()
            write_atomically(folder / CLASSES, "".join(f"{name}\n" for name in export.classes))
            for item in export.items:
                place(export, item, folder / IMAGES / item.name, link=False)
                if item.answer is not None and item.answer not in (ABSTAIN, UNUSABLE):
                    shutil.copyfile(_file(item), folder / MASKS / f"{Path(item.name).stem}.png")
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the masks."""
        table = read_mask_folder(_masks_of(path))
        return Reply(list(table.answers), list(table.rejected), table.blank, table.notes)


def _masks_of(path: Path) -> Path:
    """Return the folder of masks of an export, or the folder itself."""
    return path / MASKS if (path / MASKS).is_dir() else path


def _file(item: Item) -> Path:
    if item.answer_file is None:
        raise InvalidOption(f"the mask of '{item.image}' is not a file; export it in another format")
    return item.answer_file


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer folders of masks."""
    return [Masks]
