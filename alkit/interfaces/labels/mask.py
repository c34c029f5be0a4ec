"""Labels that give every pixel a class."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.errors import CampaignError
from alkit.labeling.box_lists import FRACTION
from alkit.labeling.mask_files import (
    BACKGROUND,
    FOLDER,
    MOST_PIXELS,
    VOID,
    VOID_NAME,
    encode_mask,
    encode_rle,
    fill,
    palette,
    present_in,
    read_mask,
)
from alkit.utils.files import sync_folder, write_atomically

from .base import ImageFacts, Labels

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.labeling.mask_files import Numbers

KEPT = re.compile(rf"{FOLDER}/[0-9a-f]{{64}}\.png")
MOST_CLASSES = 255
OPACITY = 0.45


@dataclass(kw_only=True)
class Mask(Labels):
    """A class for every pixel; the value is the name of a PNG in the campaign, made from its content.

    The number of a pixel is that of its class, as `classes` lists them; pixels of the number `void` have no
    label. The file of the campaign has the size of the image, the slots of classes as numbers, and 255 for
    void: renamed, merged and retired classes change no file. Annotators agree if the mean intersection over
    union of their masks is at least 0.8.

    Attributes:
        void: the number of pixels without a label in masks that are read.
    """

    kind: ClassVar[str] = "mask"
    named: ClassVar[bool] = True
    fits_size: ClassVar[bool] = True
    agrees_from: ClassVar[float] = 0.8

    void: int = VOID
    _waiting: dict[str, bytes] = field(init=False, default_factory=dict, repr=False, compare=False)

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Read a mask from a file, or from JSON with `shapes`: polygons and run lengths with their classes.

        With the unit `fraction`, points of polygons are parts of the width and the height of the image. A
        relative path starts at the file of labels, at the pool or at the campaign.
        """
        written = text.strip()
        if KEPT.fullmatch(written) and self._is_here(written):
            return written
        if written.startswith("{"):
            numbers = self._drawn(written, image)
        else:
            numbers = self._checked(read_mask(self._found(written, image.folders)))
        _check_size(numbers.shape[1], numbers.shape[0], image)
        return self.of_numbers(numbers.astype("uint8"))

    def text(self, value: Any) -> str:
        """Return the name of the file in the campaign."""
        return str(value)

    def names(self, value: Any) -> Sequence[str]:
        """Return the classes in the mask, in their order, without decoding it; retired ones are left out."""
        content = self._content_or_path(value)
        try:
            numbers = present_in(content) if isinstance(content, bytes) else _present(content)
        except OSError as error:
            raise _lost(content) from error
        return tuple(name for number in numbers if (name := self.name_of(number)) is not None)

    def name_of(self, number: int) -> str | None:
        """Return the present name of a number in a mask of the campaign; None for void and retired ones."""
        if not self.slots:
            return str(number)
        return self.slots[number] if number < len(self.slots) else None

    def new_classes(self, names: Iterable[str]) -> list[str]:
        """Return all numbers up to the largest, so that a class is called by its number."""
        numbers = [int(name) for name in names if name.isdecimal()]
        return [str(number) for number in range(max(numbers, default=-1) + 1)]

    def agreement(self, first: Any, second: Any) -> float:
        """Return the intersection over union, averaged over the classes in either; void is left out."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        one, other = self.pixels(first), self.pixels(second)
        if one.shape != other.shape:
            return 0.0
        valid = (one != VOID) & (other != VOID)
        shares = []
        for number in np.union1d(one[valid], other[valid]).tolist():
            in_one, in_other = (one == number) & valid, (other == number) & valid
            shares.append((in_one & in_other).sum() / (in_one | in_other).sum())
        return float(np.mean(shares)) if shares else 1.0

    def draw(self, value: Any, pixels: Pixels) -> Pixels | None:
        """Tint every pixel that has a label in the color of its class."""
        return overlay(self.pixels(value), pixels)

    def effort(self, value: Any) -> Mapping[str, float]:
        """Return the number of labeled pixels, and the length of all outlines, which people follow.

        The length is the number of neighbors, side by side or one above the other, of different numbers.
        """
        mask = self.pixels(value)
        outlines = (mask[:, 1:] != mask[:, :-1]).sum() + (mask[1:] != mask[:-1]).sum()
        return {"outlines": int(outlines), "pixels": int((mask != VOID).sum())}

    def pixels(self, value: Any, size: tuple[int, int] | None = None) -> Pixels:
        """Return the mask of a value as it is in the file, [H, W] uint8.

        Args:
            value: what `parse` returned.
            size: (H, W) to resize to; each pixel takes the number of the nearest one.

        Raises:
            CampaignError: the file is missing or damaged.
        """
        import numpy as np  # noqa: PLC0415  # numpy is slow to import
        from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

        content = self._content_or_path(value)
        try:
            with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
                if size is None or size == (image.height, image.width):
                    return np.array(image, dtype=np.uint8)
                return np.array(image.resize((size[1], size[0]), Image.Resampling.NEAREST), dtype=np.uint8)
        except OSError as error:
            raise _lost(content) from error

    @property
    def class_numbers(self) -> Pixels:
        """The place in `classes` of each of 256 slots, [256] uint8; 255 for void and retired classes."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        numbers = np.full(256, VOID, dtype=np.uint8)
        place = {name: number for number, name in enumerate(self.classes)}
        for slot, name in enumerate(self.slots):
            numbers[slot] = VOID if name is None else place.get(name, VOID)
        return numbers

    def numbered(self, value: Any) -> Pixels:
        """Return the mask of a value with the numbers that classes have now, [H, W] uint8."""
        mask: Pixels = self.class_numbers[self.pixels(value)]
        return mask

    def of_numbers(self, mask: Pixels) -> str:
        """Return the value of a mask [H, W] uint8 with slots as numbers and 255 as void, not yet kept."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        digest = hashlib.sha256(repr(mask.shape).encode() + np.ascontiguousarray(mask).tobytes()).hexdigest()
        name = f"{FOLDER}/{digest}.png"
        if not self._is_here(name):
            self._waiting[name] = encode_mask(mask)
        return name

    def shapes(self, value: Any) -> str:
        """Return the text of a mask that says itself what it shows, by run lengths of each class."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        mask = self.pixels(value)
        named = [(self.name_of(number), number) for number in np.unique(mask).tolist() if number != VOID]
        parts = [{"class": name, "rle": encode_rle(mask == number)} for name, number in named if name]
        if BACKGROUND in self.classes and (mask == VOID).any():
            parts.append({"class": VOID_NAME, "rle": encode_rle(mask == VOID)})
        return json.dumps({"size": mask.shape, "shapes": parts}, ensure_ascii=False)

    def keep(self, values: Iterable[Any]) -> None:
        """Write the files of masks that were parsed into the campaign."""
        if self.folder is None:
            return
        (self.folder / FOLDER).mkdir(exist_ok=True)
        for value in dict.fromkeys(values):
            content = self._waiting.pop(value, None)
            if content is not None and not (self.folder / value).exists():
                write_atomically(self.folder / value, content)
        sync_folder(self.folder / FOLDER)

    def _is_here(self, name: str) -> bool:
        return name in self._waiting or (self.folder is not None and (self.folder / name).is_file())

    def _content_or_path(self, value: Any) -> bytes | Path:
        return self._waiting.get(value) or (self.folder or Path()) / str(value)

    def _found(self, text: str, folders: Sequence[Path]) -> Path:
        starts = [*folders, *([] if self.folder is None else [self.folder])]
        tried = [Path(text), *(folder / text for folder in starts)]
        if "\0" in text:
            raise ValueError("a path has no zero bytes")
        for path in tried:
            if path.is_file():
                return path
        inside = starts and not tried[0].is_absolute()
        raise ValueError("there is no mask of this name" + (f" in {starts[0]}" if inside else ""))

    def _checked(self, numbers: Numbers) -> Numbers:
        """Return numbers with void as 255; each of the others has to be that of a class."""
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        count = len(self.slots) or MOST_CLASSES
        void = numbers == self.void
        unknown = ~void & ((numbers < 0) | (numbers >= count))
        if unknown.any():
            y, x = np.argwhere(unknown)[0]
            known = f"0 to {count - 1}" + (f" ({', '.join(map(str, self.slots[:12]))})" if self.slots else "")
            raise ValueError(
                f"the pixel at x={x}, y={y} has the number {numbers[y, x]}, but classes have {known}, and "
                f"{self.void} means void; if it means void in these masks, set the task option void"
            )
        if void.all():
            raise ValueError(
                f"all pixels are void ({self.void}), so the mask says nothing; if nothing can be labeled in "
                "the image, answer 'unusable'"
            )
        return np.where(void, VOID, numbers)

    def _drawn(self, text: str, image: ImageFacts) -> Numbers:
        try:
            found = json.loads(text)
            parts = [(str(part["class"]), part) for part in found["shapes"]]
            height, width = (int(side) for side in found.get("size") or (image.height, image.width))
        except (ValueError, OverflowError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                "the JSON of a mask should have shapes, each with class and polygon or rle"
            ) from error
        if min(height, width) < 1:
            raise ValueError("the size of the image is unknown")
        _check_size(width, height, image)
        known = {name: slot for slot, name in enumerate(self.slots) if name is not None}
        number = {VOID_NAME: VOID, BACKGROUND: VOID} | known
        if not parts and BACKGROUND not in known:
            raise ValueError(
                f"nothing is drawn, and there is no class '{BACKGROUND}' for pixels that no shape covers"
            )
        for name, part in parts:
            if name not in number:
                listed = ", ".join(map(str, self.classes[:20])) or "none yet; name them with --classes"
                raise ValueError(f"there is no class '{name}'; the classes are {listed}")
            if not isinstance(part, Mapping) or not ("rle" in part or "polygon" in part):
                raise ValueError(f"the shape of '{name}' has neither polygon nor rle")
        background = number[BACKGROUND]
        factors = (width, height) if found.get("unit") == FRACTION else (1, 1)
        drawn = ((number[name], part) for name, part in parts)
        return fill((height, width), background, drawn, factors=factors)


def _check_size(width: int, height: int, image: ImageFacts) -> None:
    if image.width and (width, height) != (image.width, image.height):
        raise ValueError(
            f"the mask has {width} x {height} pixels, but the image has {image.width} x {image.height}"
        )
    if width * height > MOST_PIXELS:
        raise ValueError(f"the mask has {width:,} x {height:,} pixels, over the limit of {MOST_PIXELS:,}")


def overlay(mask: Pixels, pixels: Pixels) -> Pixels:
    """Tint an image [H, W, 3] by a mask of any size; void stays as it is."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    height, width = pixels.shape[:2]
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    shown = mask[rows[:, None], columns]
    tinted = (1 - OPACITY) * pixels + OPACITY * palette()[shown]
    mixed: Pixels = np.where((shown == VOID)[..., None], pixels, tinted.round()).astype(np.uint8)
    return mixed


@lru_cache(maxsize=100_000)
def _present(path: Path) -> tuple[int, ...]:
    """Return the numbers in a mask; its name stands for its content, so each file is opened once."""
    return present_in(path)


def _lost(content: bytes | Path) -> CampaignError:
    where = content if isinstance(content, Path) else "of an answer"
    return CampaignError(f"the mask {where} cannot be read; restore it from a backup")
