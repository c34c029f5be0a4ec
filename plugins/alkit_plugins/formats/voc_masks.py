"""Masks in Pascal VOC: PNG files in which each class has a color, and `labelmap.txt`, which lists them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from alkit.labeling import BACKGROUND, VOID_NAME, encode_rle, palette, read_colors

from .regions import mask_text

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

LABELMAP = "labelmap.txt"
BLACK, BORDER = (0, 0, 0), (224, 224, 192)
"""The colors of what has no class: of void if no class is called background, else of void beside it."""
Color = tuple[int, int, int]


def colors_of(classes: Sequence[str]) -> dict[str, Color]:
    """Return a color for each class, and for background and void."""
    colors = palette()
    plain = [name for name in classes if name not in (BACKGROUND, VOID_NAME)]
    found = {name: (int(r), int(g), int(b)) for name, (r, g, b) in zip(plain, colors.tolist(), strict=False)}
    return {BACKGROUND: BLACK, **found, VOID_NAME: BORDER}


def labelmap_of(classes: Sequence[str]) -> str:
    """Return the list of colors, as CVAT and Datumaro write it."""
    lines = ["# label:color_rgb:parts:actions"]
    lines += [f"{name}:{red},{green},{blue}::" for name, (red, green, blue) in colors_of(classes).items()]
    return "\n".join([*lines, ""])


def names_by_color(content: bytes) -> dict[Color, str]:
    """Return the class of each color in a list of them.

    A line without a color has that of its place in the colors of Pascal VOC, as Datumaro writes it.
    """
    found: dict[Color, str] = {}
    usual = [BLACK, *((red, green, blue) for red, green, blue in palette().tolist())]
    lines = content.decode("utf-8-sig", "replace").splitlines()
    listed = [line.rsplit(":", 3) for line in lines if not line.startswith("#")]
    for place, (name, *rest) in enumerate(each for each in listed if len(each) == 4):
        if not rest[0].strip() and place < len(usual):
            found.setdefault(usual[place], name.strip())
            continue
        parts = [part.strip() for part in rest[0].split(",")]
        if len(parts) == 3 and all(part.isdecimal() for part in parts):
            red, green, blue = map(int, parts)
            found.setdefault((red, green, blue), name.strip())
    return {BLACK: BACKGROUND, **found}


def encode_colors(mask: Pixels, classes: Sequence[str]) -> bytes:
    """Return a PNG with a palette of the colors of classes; [H, W] uint8 with 255 as void."""
    colors = colors_of(classes)
    table = np.zeros((256, 3), dtype=np.uint8)
    for number, name in enumerate(classes):
        table[number] = colors[name]
    table[255] = BORDER if BACKGROUND in classes else BLACK
    image = Image.frombytes("P", (mask.shape[1], mask.shape[0]), mask.tobytes())
    image.putpalette(table.ravel().tolist())
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def shapes_of(content: bytes, names: Mapping[Color, str]) -> str:
    """Return the text of the mask that a PNG in the colors of classes shows.

    Raises:
        ValueError: it cannot be read, or has a color of no class.
    """
    colors = read_colors(content).astype(np.int64)
    numbers = (colors[..., 0] << 16) | (colors[..., 1] << 8) | colors[..., 2]
    shapes = []
    for number in np.unique(numbers).tolist():
        color = (number >> 16, number >> 8 & 255, number & 255)
        if color not in names:
            y, x = np.argwhere(numbers == number)[0]
            raise ValueError(f"has the color {color} at x={x}, y={y}, which {LABELMAP} gives to no class")
        if names[color] != BACKGROUND:
            shapes.append({"class": names[color], "rle": encode_rle(numbers == number)})
    height, width = numbers.shape
    return mask_text((height, width), shapes)
