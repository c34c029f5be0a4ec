"""Masks: a folder with one image file per mask, named like its image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import alkit
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import (
    ABSTAIN,
    UNUSABLE,
    about_jpegs,
    encode_mask,
    masks_in,
    place,
    read_mask_folder,
    whole,
    write_atomically,
)

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
        """Accept an export, and a folder of image files that may be masks."""
        whole_export = (path / IMAGES).is_dir() and (path / MASKS).is_dir()
        return path.is_dir() and (whole_export or bool(masks_in(_masks_of(path))))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the images, the masks of those that have one, and the names of the classes."""
        with whole(path) as folder:
            (folder / IMAGES).mkdir()
            (folder / MASKS).mkdir()
            write_atomically(folder / CLASSES, "".join(f"{name}\n" for name in export.classes))
            for item in export.items:
                place(export, item, folder / IMAGES / item.name, link=False)
                if export.mask is not None and item.answer not in (None, ABSTAIN, UNUSABLE):
                    content = encode_mask(export.mask(item))
                    write_atomically(folder / MASKS / f"{Path(item.name).stem}.png", content)
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the masks; images of an export without one are not answered yet."""
        images = list((path / IMAGES).iterdir()) if (path / IMAGES).is_dir() else []
        masks = _masks_of(path)
        if images and not masks_in(masks) and not about_jpegs(masks):
            return Reply(blank=len(images))
        answers = read_mask_folder(masks).answers  # which refuses a folder of JPEG files
        return Reply(list(answers), blank=max(0, len(images) - len(answers)))


def _masks_of(path: Path) -> Path:
    """Return the folder of masks of an export, or the folder itself."""
    return path / MASKS if (path / MASKS).is_dir() else path


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer folders of masks."""
    return [Masks]
